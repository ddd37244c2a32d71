"""What the outer process of tier 3 is told, and how it reads it."""

import os
from dataclasses import replace

from tools.confine.order import Order, read, spelled

ORDER = Order(
    command=["/bin/sh", ["given", "code.py"]],
    environment={"HOME": [["workspace", ""]], "PATH": [["tools", "bin"], "/usr/bin"]},
    workspace="/w",
    readable={"tools": "/t"},
    shown=["/s"],
    files={"code.py": 7},
    seeds={"matplotlib/fontlist.json": "/t/seeds/fontlist.json"},
    scratch="/tmp/scratch",
    uid=None,
    limits={0: (3, 4)},
    processes=256,
    tmp_bytes=1,
    shm_bytes=2,
    filter=8,
    held={90: "chmod"},
    status=4,
)


def through_a_file(order: Order) -> Order:
    descriptor = os.memfd_create("order")
    os.write(descriptor, order.written())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return read(descriptor)


def test_order_arrives_as_it_was_given() -> None:
    arrived = through_a_file(ORDER)
    assert {number: tuple(pair) for number, pair in arrived.limits.items()} == ORDER.limits
    assert replace(arrived, limits=ORDER.limits) == ORDER


def test_bytes_that_are_no_text_arrive() -> None:
    word = os.fsdecode(b"a\xff")
    assert through_a_file(replace(ORDER, command=[word])).command == [word]


def test_word_is_spelled_with_the_places_that_there_are() -> None:
    places = {"workspace": "/w"}
    assert spelled("plain", places) == "plain"
    assert spelled(["workspace", ""], places) == "/w"
    assert spelled(["workspace", "src/x"], places) == "/w/src/x"
