"""bin/up --detach and bin/down, the backup before a migration, and a database that is newer than the code."""

import os
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.errors import Misconfigured
from settings import Settings
from tests.support.started import Started
from worker.installation import doctor, health, ports, record, schema


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Started]:
    installation = Started(tmp_path / "data")
    yield installation
    installation.clean()


def test_in_the_background_it_answers_when_the_script_ends_and_bin_down_stops_it(installation: Started) -> None:
    started = installation.run("up", "--detach", "--no-sample", "--port", str(installation.port))
    assert started.returncode == 0, started.stdout + started.stderr
    assert "/sign-in/" in started.stdout
    assert health.answers(installation.told)
    now = record.read(installation.told)
    assert now is not None
    assert now.supervisor.process() is not None

    stopped = installation.run("down")

    assert stopped.returncode == 0
    assert f"Stopping OpsCore (pid {now.supervisor.pid};" in stopped.stdout
    assert "Stopped after" in stopped.stdout
    assert installation.left() == []
    assert "OpsCore has stopped" in (installation.data / "logs" / "up.log").read_text(encoding="utf-8")


def test_bin_down_without_anything_running_says_so(installation: Started) -> None:
    done = installation.run("down")
    assert done.returncode == 0
    assert done.stdout == f"OpsCore is not running on {installation.data}\n"


def test_the_doctor_says_how_to_begin_where_nothing_runs(installation: Started) -> None:
    found = {each.name: each for each in doctor.examine(installation.told)}
    for name in ("database", "broker", "processes", "web"):
        assert found[name].verdict is doctor.Verdict.WARNING
        assert found[name].cure == f"Start bin/up --data {installation.data}."
    assert not installation.data.exists()


def test_the_doctor_names_who_has_the_port(installation: Started) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", installation.port))
        other.listen()
        found = {each.name: each for each in doctor.examine(installation.told)}
        assert found["web"].verdict is doctor.Verdict.PROBLEM
        with pytest.raises(Misconfigured, match=rf"the port is taken by .*\(pid {os.getpid()}\)"):
            ports.require_free("127.0.0.1", installation.port)
        assert ports.free_port("127.0.0.1", installation.port) != installation.port


def test_a_failed_start_in_the_background_tells_its_reason_and_code(installation: Started) -> None:
    installation.data.mkdir()
    newer_database(installation.told)
    refused = installation.run("up", "--detach", "--port", str(installation.port))
    assert refused.returncode == 2
    assert "a newer OpsCore made it (its revision 9999" in refused.stdout + refused.stderr


def test_a_newer_database_is_refused_and_left_as_it_is(installation: Started) -> None:
    installation.data.mkdir()
    newer_database(installation.told)
    before = (installation.data / "opscore.db").read_bytes()
    refused = installation.run("up", "--port", str(installation.port))
    assert refused.returncode == 2
    assert "cannot use this database: a newer OpsCore made it" in refused.stderr
    assert (installation.data / "opscore.db").read_bytes() == before
    found = {each.name: each for each in doctor.examine(installation.told)}
    assert found["database"].verdict is doctor.Verdict.PROBLEM


def test_a_file_that_is_no_database_is_refused(installation: Started) -> None:
    installation.data.mkdir()
    (installation.data / "opscore.db").write_bytes(b"this is not a database" * 100)
    with pytest.raises(Misconfigured, match="cannot read the database"):
        schema.check(installation.told)


def test_the_sqlite_file_is_copied_before_a_migration(sqlite: Settings) -> None:
    connection = sqlite3.connect(sqlite.data_dir / "opscore.db")
    connection.execute("CREATE TABLE kept (word TEXT)")
    connection.execute("INSERT INTO kept VALUES ('here')")
    connection.commit()
    connection.close()

    backup = schema.back_up(sqlite, "0001")

    assert backup is not None
    assert backup.parent == sqlite.data_dir / "backups"
    copy = sqlite3.connect(backup)
    assert copy.execute("SELECT word FROM kept").fetchall() == [("here",)]
    copy.close()


def newer_database(told: Settings) -> None:
    connection = sqlite3.connect(told.data_dir / "opscore.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)")
    connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    connection.commit()
    connection.close()
