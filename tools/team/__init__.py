"""Working together: hand parts of a task to others (delegate.py), and talk within the family (channel.py).

What the tools need of the database is a port: port.py, whose implementation is tasks/family.
"""
