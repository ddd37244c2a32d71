"""The web as tools see it: pages that are fetched and read, and searches.

- fetch.py: `web.fetch`; robots.py: what a site wants of us; reading/: the text of a page, taken out in the sandbox
- search.py: `web.search`; its providers: duckduckgo/ and searxng.py; what is kept of searches: searches.py
- rules.py: what the settings say about all that

What protects the worker and its network: tools/network/fetch.py.  What is done with pages: tools/research/.
"""
