"""What tests ask of a PostgreSQL server beside their sessions: databases made, copied and dropped."""

import uuid

import psycopg


def execute(server: str, statement: str) -> None:
    """Run a statement that stands in no transaction, such as CREATE DATABASE."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.encode())


def named(server: str, database: str) -> str:
    """The server's URL with another database."""
    before, _, after = server.partition("/postgres?")
    return f"{before}/{database}?{after}"


def forget_the_disk(server: str) -> None:
    """Have the server wait for no disk: no test's database outlives its host."""
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        execute(server, f"ALTER SYSTEM SET {name} = off")
    execute(server, "SELECT pg_reload_conf()")


def copy(server: str, template: str) -> str:
    """Make a database of the template's content; returns its name."""
    name = f"test_{uuid.uuid4().hex}"
    # Not by the write-ahead log, the usual way: a third of the time, where no disk is waited for.
    execute(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    return name


def drop(server: str, name: str) -> None:
    """Drop the database, whoever is connected."""
    execute(server, f"DROP DATABASE {name} WITH (FORCE)")
