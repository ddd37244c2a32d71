"""Approvals: a person agrees to an exact call, or to a whole plan, before it happens.

Who demands it: demands.py.  What the person is shown: card.py.  On a run's way, before each step: gate.py, asked by
tasks/runs/steps.py.  What the person says, and what becomes of a question that nobody answers: decisions.py.  The task
waits without a worker meanwhile (`tasks.runs.steps.Parked`).
"""
