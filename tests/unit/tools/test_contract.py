"""The values of tools/contract.py."""

from pydantic import Field

from tools.contract import Arguments, Captured, Limits, Tool, ToolResult


def test_tightest_limit_wins_and_none_leaves_it() -> None:
    limits = Limits(wall_s=60, memory_bytes=1000).tightened(wall_s=10, memory_bytes=5000, cpu_s=None)
    assert (limits.wall_s, limits.memory_bytes, limits.cpu_s) == (10, 1000, Limits().cpu_s)


def test_text_of_a_short_output_is_all_of_it() -> None:
    captured = Captured(b"head", b"tail", 8)
    assert not captured.truncated
    assert captured.text == "headtail"


def test_text_of_a_long_output_says_how_much_is_left_out() -> None:
    captured = Captured(b"head", b"tail", 2008)
    assert captured.truncated
    assert captured.text == "head\n… 2,000 bytes left out …\ntail"


def test_character_across_head_and_tail_stays_whole() -> None:
    euro = "€".encode()
    assert Captured(euro[:1], euro[1:], 3).text == "€"


def test_bytes_that_no_database_takes_are_replaced() -> None:
    assert Captured(b"a\xff\0b", b"", 4).text == "a\ufffd\ufffdb"


def test_number_is_fine_where_text_is_wanted() -> None:
    class Echo(Tool):
        class Input(Arguments):
            words: list[str] = Field(description="Words.")

        name = "echo.run"

        def run(self, call: Input, context: object) -> ToolResult:
            return ToolResult()

    assert Echo().parse({"words": [5, "a"]}).model_dump() == {"words": ["5", "a"]}
