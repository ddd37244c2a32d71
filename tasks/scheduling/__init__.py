"""Schedules: their times, and the tasks that these become."""
