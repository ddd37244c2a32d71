"""What a tool tells comes to the timeline: from any thread, in order, bounded, and also when its call fails."""

import threading

import pytest
from sqlalchemy.exc import OperationalError

from tasks.runs import told
from tasks.runs.told import LEFT_OUT, MOST_OF_A_KIND, Telling, Told


@pytest.fixture
def rows() -> list[Telling]:
    return []


def test_end_writes_everything_in_order(rows: list[Telling]) -> None:
    taker = Told(rows.extend)
    taker.tell("network.allowed", host="a")
    taker.tell("network.refused", host="b")
    assert rows == []
    taker.end()
    assert rows == [("network.allowed", {"host": "a"}), ("network.refused", {"host": "b"})]


def test_tick_writes_what_is_due_once(rows: list[Telling], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "WRITE_EVERY_S", 0)
    taker = Told(rows.extend)
    taker.tell("network.allowed")
    taker.write_if_due()
    taker.write_if_due()
    taker.end()
    assert rows == [("network.allowed", {})]


def test_other_threads_tell_and_never_write(rows: list[Telling], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "WRITE_EVERY_S", 0)
    taker = Told(rows.extend)

    def work() -> None:
        taker.tell("network.allowed")
        taker.write_if_due()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows == []
    taker.end()
    assert len(rows) == 8


def test_flood_becomes_one_sum_and_hides_no_other_kind(rows: list[Telling]) -> None:
    taker = Told(rows.extend)
    for _ in range(MOST_OF_A_KIND + 10):
        taker.tell("network.allowed", sent_bytes=1, received_bytes=2)
    taker.tell("network.refused", host="b")
    taker.end()
    assert len(rows) == MOST_OF_A_KIND + 2
    assert rows[-2] == ("network.refused", {"host": "b"})
    assert rows[-1] == (LEFT_OUT, {"counts": {"network.allowed": 10}, "sent_bytes": 10, "received_bytes": 20})


def test_texts_of_strangers_are_cut_and_can_be_kept(rows: list[Telling]) -> None:
    taker = Told(rows.extend)
    taker.tell("network.refused", host="x\0" * 1000, port=443)
    taker.end()
    assert rows[0][1] == {"host": ("x\ufffd" * 1000)[: told.LONGEST_TEXT], "port": 443}


def test_database_that_is_away_costs_no_event(rows: list[Telling], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "WRITE_EVERY_S", 0)

    def write() -> None:
        raise OperationalError("insert", {}, Exception("away"))

    taker = Told(rows.extend, write)
    taker.tell("network.allowed")
    taker.write_if_due()
    taker.end()
    assert rows == [("network.allowed", {})]


def test_fence_is_not_kept_back(rows: list[Telling], monkeypatch: pytest.MonkeyPatch) -> None:
    from models.claim import Fenced

    monkeypatch.setattr(told, "WRITE_EVERY_S", 0)

    def write() -> None:
        raise Fenced("cannot write: another run owns this task")

    taker = Told(rows.extend, write)
    taker.tell("network.allowed")
    with pytest.raises(Fenced):
        taker.write_if_due()
