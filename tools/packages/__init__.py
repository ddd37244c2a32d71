"""python.install: a task's own Python packages, layered over the shared environment and under control.

install.py is the tool.  requirements.py reads what was asked, rules.py says what may be had, host.py and
indexes.py where from, installer.py runs the installer in the sandbox, lock.py is the file `packages.txt` that
says what a task has, cache.py keeps what was installed, and layer.py shows it to later calls.
Why so: docs/decisions/0018-packages.md.
"""
