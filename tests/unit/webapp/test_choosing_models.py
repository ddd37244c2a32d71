"""What forms and lists about models make of what is there: who is asked, which tools, which numbers, which days."""

from datetime import date

import pytest

from models.provider import LanguageModel, Provider, ProviderKind
from models.spend_list import Spent
from webapp import model_list, spend_bars, tool_words
from webapp.thinking_form import whole, whole_typed


def model(name: str, low: int, high: int) -> LanguageModel:
    provider = Provider(name="p", kind=ProviderKind.OPENAI, base_url="http://127.0.0.1:9/v1")
    return LanguageModel(name=name, provider=provider, complexity_min=low, complexity_max=high)


def spent(day: str, cost: int, unpriced: int = 0) -> Spent:
    return Spent(
        day, calls=2, tokens=900, input_tokens=800, output_tokens=100, cost=cost, unpriced=unpriced, lost=0, open=0
    )


def test_the_first_that_covers_a_complexity_is_asked_first_and_the_next_after_it() -> None:
    small, large = model_list.picture([model("small", 1, 4), model("large", 3, 9)])
    assert small.places == [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert large.places == [0, 0, 2, 2, 1, 1, 1, 1, 1, 0]
    assert large.first_about == "5, 6, 7, 8, 9"
    assert model_list.uncovered([small.model, large.model]) == [10]


def test_what_is_chosen_for_nobody_who_has_chosen_stays_on_this_host_and_can_be_taken_back() -> None:
    usual = tool_words.usual()
    assert {"files.read", "files.write", "python.run"} <= set(usual)
    assert not {name for name in usual if name.startswith(("web.", "git.", "team.", "drill."))}


def test_every_tool_stands_in_one_group_and_exercises_stand_last() -> None:
    groups = tool_words.grouped()
    assert len({title for title, _ in groups}) == len(groups)
    assert groups[-1][0] == tool_words.LAST
    assert all(tool.risk in tool_words.RISK_TONES and tool.effect for _, tools in groups for tool in tools)


@pytest.mark.parametrize(
    ("text", "number"), [("200000", 200_000), ("200,000", 200_000), ("200 k", 200_000), ("1.5 M", 1_500_000), ("7", 7)]
)
def test_numbers_are_written_as_people_do(text: str, number: int) -> None:
    assert whole(text) == number
    assert whole(whole_typed(number)) == number


@pytest.mark.parametrize("text", ["", "k", "many", "-3", "0", "0.2", "nan", "inf", "1e99"])
def test_what_is_no_number_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="write a"):
        whole(text)


def test_every_day_has_a_bar_and_the_highest_fills_the_drawing() -> None:
    today = date(2026, 11, 21)
    bars = spend_bars.of([spent("2026-11-21", 500), spent("2026-11-19", 1000, unpriced=1)], today, is_money=True)
    assert len(bars.bars) == spend_bars.DAYS
    assert [bar.height for bar in bars.bars[-3:]] == [spend_bars.HEIGHT, 0, spend_bars.HEIGHT / 2]
    assert bars.bars[-3].label == "19 Nov: $0.0010, 900 tokens, 2 calls, 1 call of unknown price"
