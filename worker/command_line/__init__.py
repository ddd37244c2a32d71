"""The command line, `bin/opscore`: tasks over HTTP, this machine's installation by looking at it.

`program.py` lists the commands, one module each.  What talks to the web application goes through opscore_sdk;
what looks at processes, settings and the sandbox calls worker/installation and tools.  Heavy libraries are
imported inside the commands: `bin/opscore --help` must be quick.
Why it lives on this floor: docs/decisions/0021-command-line-on-the-worker-floor.md.
"""
