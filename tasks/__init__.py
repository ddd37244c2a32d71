"""What gets run: submit a task, wake an agent, run a playbook, and what a reconciler's round does.

Start with tasks/orders/submission.py, then tasks/work.py and tasks/runs/execution.py.
"""
