"""Tools that ask the web, from the trusted worker: what they fetch goes through tools/network/fetch.py."""
