"""Who offers language models, which, and which of them a task thinks with."""
