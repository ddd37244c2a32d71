"""A family: one task, the parts of it that it handed on, the parts of those, and so on.

Handing on: children.py, within bounds.py; what came of it: results.py.  How an end goes on: ends.py.  What reaches all
of them: tree.py.  Where they talk: channel.py; the folder they share: shared.py.  As tools see it: port.py.
Why so: docs/decisions/0043-families.md.
"""
