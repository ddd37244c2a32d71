"""How long things are kept, and how they go: rows, files, room on the disk."""
