"""Queues: their rules, the wake-ups that they hold, and why a task is still in one."""
