"""What tests ask of a PostgreSQL server beside their sessions: databases made, copied and dropped."""

import psycopg


def execute(server: str, statement: str) -> None:
    """Run a statement that stands in no transaction, such as CREATE DATABASE."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.encode())


def named(server: str, database: str) -> str:
    """The server's URL with another database."""
    before, _, after = server.partition("/postgres?")
    return f"{before}/{database}?{after}"
