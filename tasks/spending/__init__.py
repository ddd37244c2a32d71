"""What model calls may cost: budgets, kept before each call, and how they stand."""
