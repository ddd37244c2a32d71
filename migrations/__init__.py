"""How the schema got here; env.py says how a migration is made."""
