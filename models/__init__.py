"""What is true: tables with their queries and their state moves.

The lowest floor: it imports none of ours but `settings`.  Start with models/states.py;
models/tables.py lists every table.
"""
