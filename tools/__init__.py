"""What an agent may do: the contract, the sandbox, the workspace, and one module or folder per tool.

Start with contract.py (what a tool is), then registry.py (how it is found), then sandbox/ (where commands
and code run) and workspace.py (what they work on).  Further rooms:

- files_at.py with refusals.py: all trusted access to a workspace; built on it: entries.py, removal.py, copy_in.py,
  restore.py, history.py with blobs.py, manifest.py and text_diff.py
- limits.py and quantities.py: what a call may use, and in which words
- network/: the ways out; packages/: a task's own Python packages; environment.py: those that all tasks share
- identity.py and uids.py: which user of the host the work belongs to
- confine/: the process that tier 3 of the sandbox starts; tiers.py: what each tier means
- command.py: how tools start commands; terminal_text.py: what programs print, made harmless

This floor takes values and gives values: it knows no database, no queue and no web.
"""
