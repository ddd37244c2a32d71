"""Budgets, measured side by side with what they are compared to and reported as ratios; each module is a program."""
