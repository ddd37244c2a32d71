"""Accept a task: what somebody hands in, checked, and written with its first event."""
