"""What gets run: submit a task, wake an agent, run a playbook, and what a reconciler's round does.

Start with tasks/submission.py, then tasks/work.py and tasks/execution.py.
"""
