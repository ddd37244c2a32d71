"""The only ways out of a sandbox and out of a tool: addresses, the proxy of one call, and what fetches for tools.

Read reach.py first (what may be reached), then proxy.py (who keeps to it), then bridge.py (how a program inside
gets there) and connected.py (a call with all of them).  Fetching from the worker itself: fetch.py.
"""
