"""Work on a claimed task: its steps, its folder, what it writes, and what people want of it meanwhile."""
