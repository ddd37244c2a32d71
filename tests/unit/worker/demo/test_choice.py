"""Which answer of a script a conversation gets."""

from typing import Any

import pytest

from models.errors import InvalidInput
from worker.demo.choice import Chosen, choose
from worker.demo.conversation import Conversation
from worker.demo.script import FIRST, load, parse

SAID = {"role": "user", "content": "Count the stars."}


def answered(turns: int) -> list[dict[str, Any]]:
    """What a conversation holds after so many answers, each with a call and its result."""
    return [
        each
        for number in range(turns)
        for each in (
            {"role": "assistant", "content": None, "tool_calls": []},
            {"role": "tool", "tool_call_id": str(number), "content": f"result {number}"},
        )
    ]


def chosen(script: Any, turns: int = 0, given: int = 0, said: str = "Count the stars.", **more: Any) -> Chosen:
    messages = [{"role": "user", "content": said}, *answered(turns)]
    talk = Conversation(more.pop("model", "demo"), messages, tuple(more.pop("offered", ())))
    return choose(parse(script), talk, lambda _place: given)


def test_answer_is_that_of_the_conversations_turn() -> None:
    script = [{"text": "one"}, {"text": "two"}]
    assert [chosen(script, turns).answer.text for turns in (0, 1)] == ["one", "two"]


def test_same_conversation_gets_the_same_answer_however_often_it_was_asked() -> None:
    script = [{"text": "one"}, {"text": "two"}]
    assert [chosen(script, 1, given).answer.text for given in (0, 1, 7)] == ["two", "two", "two"]


def test_conversation_that_outlasts_its_script_is_refused() -> None:
    assert chosen([{"text": "one"}], 1).answer.status == 400


def test_endless_last_turn_answers_every_later_one() -> None:
    found = chosen([{"text": "one"}, {"text": "again ${turn}", "endless": True}], 9)
    assert (found.answer.text, found.place) == ("again 9", "turns[1]")


def test_rule_goes_before_the_turn() -> None:
    script = {"rules": [{"when": {"model": "big"}, "status": 503}], "turns": [{"text": "one"}]}
    assert chosen(script, model="big").answer.status == 503
    assert chosen(script, model="small").answer.text == "one"


def test_what_happens_a_number_of_times_is_counted_for_one_conversation() -> None:
    script = [[{"status": 503, "times": 2}, {"text": "there"}]]
    assert [chosen(script, given=given).answer.status for given in (0, 1, 2)] == [503, 503, 200]


def test_conversation_is_played_by_what_it_is_about() -> None:
    script = {
        "turns": [{"text": "parent"}],
        "conversations": [{"about": r"star (\d+)", "turns": [{"text": "child ${1}"}]}],
    }
    assert chosen(script, said="Count star 17.").answer.text == "child 17"
    assert chosen(script).answer.text == "parent"


def test_rule_knows_what_the_last_tool_returned() -> None:
    script = {"rules": [{"when": {"result": "result 2"}, "text": "seen: ${result}"}], "turns": [{"text": "-"}] * 3}
    assert chosen(script, 3).answer.text == "seen: result 2"
    assert chosen(script, 2).answer.text == "-"


def test_tool_is_called_as_the_request_writes_its_name() -> None:
    script = [{"tool_calls": [{"name": "files.write", "arguments": {"path": "a-${turn}"}}, {"name": "mail.send"}]}]
    calls = chosen(script, offered=["files__write"]).answer.tool_calls
    assert [each.name for each in calls] == ["files__write", "mail_send"]
    assert calls[0].arguments == {"path": "a-0"}


def test_call_may_be_left_out_where_its_tool_is_not_offered() -> None:
    script = [{"tool_calls": [{"name": "stage.enter", "if_offered": True}, {"name": "files.write"}]}]
    assert [each.name for each in chosen(script, offered=["files_write"]).answer.tool_calls] == ["files_write"]


def test_what_stood_in_a_result_can_be_quoted() -> None:
    script = [{"text": "-"}, {"find": r"result (\d)", "text": "number ${found}"}]
    assert chosen(script, 1).answer.text == "number 0"


def test_mistakes_of_a_script_are_named_with_their_place() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse({"turns": [{"txt": "one"}]})
    assert "turns.0.0.txt" in [each["path"] for each in caught.value.problems]


@pytest.mark.parametrize(
    ("script", "place", "said"),
    [
        ({"conversations": [{"about": "("}]}, "conversations.0.about", "is no regular expression"),
        ({"rules": [{"find": "["}]}, "rules.0.find", "is no regular expression"),
        ({"models": 5}, "models", ""),
        ({"conversations": 5}, "conversations", ""),
    ],
)
def test_what_cannot_be_played_is_refused_with_its_place(script: Any, place: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(script)
    [problem] = caught.value.problems
    assert problem["path"] == place
    assert said in problem["message"]


def test_first_script_answers_with_tools_and_without() -> None:
    script = load(FIRST)
    asked = Conversation("demo", [SAID])
    assert "Count the stars." in choose(script, asked, lambda _place: 0).answer.text
    offered = ("files_write", "python_run")
    for turns, place in enumerate(("program", "run", "not-done", "done", "afterwards", "afterwards")):
        talk = Conversation("demo", [SAID, *answered(turns)], offered)
        assert choose(script, talk, lambda _place: 0).place == place


@pytest.mark.parametrize(
    ("result", "name"),
    [("1229 primes below 10000, the largest is 9973", "report"), ("a person said no", "not-done")],
)
def test_first_script_reports_only_what_was_found(result: str, name: str) -> None:
    messages = [{"role": "user", "content": "Go"}, *answered(1), {"role": "assistant", "content": None}]
    messages.append({"role": "tool", "tool_call_id": "run", "content": result})
    talk = Conversation("demo", messages, ("files.write", "python.run"))
    assert choose(load(FIRST), talk, lambda _place: 0).answer.name == name
