"""One uid for each running task: nobody else has it, and a killed holder frees its own."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from models.errors import Misconfigured, SandboxUnavailable
from tools import identity, uids

PROJECT = Path(__file__).resolve().parents[2]
THREE = range(4_000_000_000, 4_000_000_003)
"""Nobody's, whoever runs the tests: they are only lent, and nothing is made to be theirs."""


def test_each_has_one_of_its_own(tmp_path: Path) -> None:
    with ExitStack() as stack:
        assert {stack.enter_context(uids.one_of(THREE, tmp_path)) for _ in THREE} == set(THREE)


def test_when_all_are_lent_the_next_waits_for_another_attempt(tmp_path: Path) -> None:
    with ExitStack() as stack:
        for _ in THREE:
            stack.enter_context(uids.one_of(THREE, tmp_path))
        with pytest.raises(SandboxUnavailable, match="cannot start the task") as refused, uids.one_of(THREE, tmp_path):
            pass
    assert refused.value.transient
    with uids.one_of(THREE, tmp_path):
        pass


def test_killed_holder_frees_its_own(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from tools import uids\n"
        f"with uids.one_of([{THREE[0]}], Path(sys.argv[1])): print('has it', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=PROJECT, stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"has it\n"
        with pytest.raises(SandboxUnavailable), uids.one_of(THREE[:1], tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
    with uids.one_of(THREE[:1], tmp_path) as uid:
        assert uid == THREE[0]


def test_uid_that_still_has_a_process_is_not_lent(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable), uids.one_of([os.getuid()], tmp_path):
        pass


def test_folder_of_locks_that_cannot_be_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="cannot lend a uid"), uids.one_of(THREE, tmp_path / "file" / "locks"):
        pass


def test_two_at_once_are_lent_two_where_root_gives_up_its_own() -> None:
    with identity.lent() as one, identity.lent() as other:
        if identity.drops_uid():
            assert one in identity.UIDS
            assert other in identity.UIDS
            assert one != other
        else:
            assert (one, other) == (None, None)
