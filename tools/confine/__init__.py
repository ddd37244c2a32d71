"""Tier 3 from the process that starts it on: `python -I -S -B tools/confine DESCRIPTOR`.

Only the standard library without site-packages is here, as the sandbox may be started where nothing else can be
read.  Start with __main__.py (the outer process), then first.py (the first one inside), landlock.py (which files)
and broker.py (modes and times, which Landlock leaves open).  Who starts it: tools/sandbox/confined.py.  Why so:
docs/decisions/0014-the-third-tier.md.
"""
