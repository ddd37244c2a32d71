"""How an installation on one machine starts, stays up and ends.

`up.py` tells the order; `roles.py` lists the processes; `supervisor.py` keeps them; `status.py` and
`doctor.py` look from outside.  Nothing here knows what a task does: it starts what the Procfile starts.
Why it is not left to honcho or systemd: docs/decisions/0012-one-command.md.
"""
