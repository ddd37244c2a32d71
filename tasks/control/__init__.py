"""What people do with tasks and agents that are there: cancel, pause, answer, retry; one or many."""
