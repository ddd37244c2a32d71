"""Tools of exercises: they do nothing useful, so that what a crash does to a task can be measured."""
