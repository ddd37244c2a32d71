"""`bin/opscore chaos`: run many tasks on an installation of its own, kill at random, and show that nothing was lost.

What is killed and when: schedule.py.  Whom that hits: killing.py.  The tasks: work.py.  Their checks: findings.py.
Who answers what a task asks: person.py, after a look outside: outside.py.  The installation: place.py,
postgresql.py.  The whole: run.py.
"""
