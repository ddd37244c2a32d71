"""shared.*: a folder that the tasks of one family share, with a version for each file and locks (files.py)."""
