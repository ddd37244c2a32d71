"""What pages say: sentences, steps, events, throughput."""

from datetime import UTC, datetime, timedelta

import pytest
from markupsafe import Markup

from models.event import Event
from models.states import State
from models.step import Step, StepState
from webapp import event_words, step_words, throughput, words

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_every_state_has_a_word() -> None:
    for state in (*State, *StepState):
        assert words.state_word(state)[0].isupper()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no worker is running", "No worker is running."),
        ("orders.csv has no rows", "orders.csv has no rows."),
        ("Why?", "Why?"),
        ("ls: cannot access 'x'", "ls: cannot access 'x'."),
        (" ", ""),
    ],
)
def test_a_sentence_does_not_capitalise_a_files_name(text: str, shown: str) -> None:
    assert words.sentence(text) == shown


def test_a_search_marks_the_beginnings_of_words_and_escapes_the_rest() -> None:
    assert words.marked("Analyse <b> tables", "tab ana") == "<mark>Ana</mark>lyse &lt;b&gt; <mark>tab</mark>les"


@pytest.mark.parametrize(
    ("tool", "arguments", "line"),
    [
        ("python.install", {"packages": ["six", "humanize>=4"]}, "packages='six, humanize>=4'"),
        ("terminal.run", {"command": ["wc", "-w", "two words.txt"]}, "wc -w 'two words.txt'"),
        ("python.run", {"file": "src/a.py", "args": ["--top", 3]}, "python src/a.py --top 3"),
        ("python.run", {"code": "import os\nprint(1)"}, "python -c 'import os …'"),
        ("files.write", {"text": "hello", "path": "output/a.txt"}, "path=output/a.txt text=hello"),
    ],
)
def test_a_step_shows_what_one_would_have_typed(tool: str, arguments: dict[str, object], line: str) -> None:
    assert step_words.command_of(Step(tool=tool, arguments=arguments)) == line


def test_a_very_long_command_is_cut() -> None:
    assert (
        len(step_words.command_of(Step(tool="terminal.run", arguments={"command": ["x" * 9000]}))) == step_words.LONGEST
    )


@pytest.mark.parametrize(
    ("kind", "data", "sentence"),
    [
        ("task.claimed", {"agent": "scout", "run": 2, "host": "vm"}, "scout took it on vm, run 2."),
        (
            "step.finished",
            {"state": "failed", "wall_s": 90, "killed": 2, "error": "Time limit reached: 90 s, set by the task"},
            "Step failed after 1 min 30 s; 2 processes ended with the call: Time limit reached: 90 s, set by the task.",
        ),
        (
            "network.allowed",
            {"host": "files.example.org", "port": 443, "sent_bytes": 812, "received_bytes": 2_000_000},
            "Connection to files.example.org:443: 812 B out, 2.0 MB in.",
        ),
        (
            "network.refused",
            {"host": "10.0.0.1", "port": 443, "reason": "it is an address"},
            "Connection to 10.0.0.1:443 refused: it is an address.",
        ),
        (
            "events.left_out",
            {"counts": {"network.allowed": 1300, "network.refused": 2}, "sent_bytes": 812, "received_bytes": 0},
            "Not listed one by one: 1,300 more connections, 2 more refused connections; 812 B out, 0 B in.",
        ),
        ("workspace.ready", {"files": 1, "bytes": 2000, "wall_ms": 31}, "Workspace ready in 31 ms: 1 file, 2.0 kB."),
        ("step.finished", {"state": "failed", "wall_s": 1.5, "exit_code": 1, "error": "no rows."},
         "Step failed after 1.5 s with exit code 1: no rows."),
        ("step.finished", {"state": "succeeded", "changes": {"added": 2, "changed": 0}},
         "Step finished; 2 added in the workspace."),
        ("task.requeued", {"reason": "the worker died"},
         "Put back into its queue: the worker died. It goes on after its last finished step."),
        ("task.cancelled", {"killed": 7, "after_s": 0.402}, "Cancelled after 0.4 s, 7 processes killed."),
        ("task.cancelled", {"killed": 0}, "Cancelled while nothing of it ran."),
        ("task.paused", {"why": "stop"}, "Paused at once."),
        ("task.reopened", {"how": "replay", "kept": 2, "title": "Draw"},
         "Replayed from “Draw”; 2 finished steps kept."),
        ("task.retry_planned", {"code": "tool_failed", "attempt": 1, "attempts": 4, "delay_s": 8.0},
         "Attempt 1 failed (tool_failed). Attempt 2 of 4 comes in 8.0 s."),
        ("task.failed", {"message": "it broke", "why": "no attempt is left", "attempts": 3},
         "Failed: it broke. No attempt is left: all 3 were made."),
        ("task.failed", {"message": "it broke.", "why": "exit_code is not tried again", "attempts": 3},
         "Failed: it broke. A failure of this kind is not tried again."),
        ("task.asked", {"question": {"title": "Send the report"}},
         "Asks a person: did “Send the report” happen before it was cut off?"),
        ("task.answered", {"choice": "done", "title": "Send"}, "Answered about “Send”: it has happened."),
        ("agent.limits_changed", {"before": {"wall": 90.0}, "after": {"wall": 30.0}},
         "Limits changed: wall 90 s → 30 s."),
        ("emergency.stopped", {"reason": "the mails are wrong"}, "Everything was stopped: the mails are wrong."),
        ("task.retry_planned", {"code": "service_unavailable", "attempt": 1, "attempts": 3, "delay_s": 30},
         "Not called, since its service is left alone for now. It is asked again in 30 s; no attempt is used."),
        ("service.opened", {"service": "web:a.example", "for_s": 30, "error": "HTTP 503"},
         "web:a.example is left alone for 30 s: HTTP 503."),
        ("call.delayed", {"service": "web:a.example", "wait_s": 12, "rate": "30/min"},
         "Waits 12 s for its turn: web:a.example is called 30/min at most."),
        ("moon.rose", {"phase": "full"}, '{"phase": "full"}'),
    ],
)  # fmt: skip
def test_an_event_is_a_sentence(kind: str, data: dict[str, object], sentence: str) -> None:
    assert event_words.words_of(Event(kind=kind, data=data)) == sentence


@pytest.mark.parametrize("kind", event_words.SENTENCES)
def test_an_event_without_data_still_says_something(kind: str) -> None:
    assert event_words.words_of(Event(kind=kind, data={}))
    assert event_words.tone_of(Event(kind=kind, data={}))


def test_throughput_counts_each_task_in_its_two_minutes() -> None:
    ended = [(NOON - timedelta(seconds=30), State.SUCCEEDED), (NOON - timedelta(minutes=59, seconds=30), State.FAILED)]
    hour = throughput.of(ended, NOON)
    assert (hour.total, hour.succeeded, hour.failed) == (2, 1, 1)
    assert (hour.bars[-1].succeeded, hour.bars[0].failed) == (throughput.HEIGHT, throughput.HEIGHT)
    assert hour.bars[-1].label == "2 to 0 min ago: 1 succeeded"


def test_what_comes_onto_a_page_is_neutral_and_stays_what_it_was() -> None:
    assert words.neutral("a\u202eb\x1b[2J\nc") == "ab\nc"
    shown = words.neutral(Markup("<b>a\u202e</b>"))
    assert (shown, type(shown)) == (Markup("<b>a</b>"), Markup)
    assert words.neutral(3) == 3
    assert words.neutral(None) is None


def test_a_sequence_over_two_texts_takes_no_element_between_them_away() -> None:
    assert words.neutral(Markup("<i>\x1b]0;x</i><b>\x07</b>")) == "<i>]0;x</i><b></b>"


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        (
            "budget.changed",
            {
                "budget": "day",
                "before": {"max_cost": None, "max_tokens": 5},
                "after": {"max_cost": 2_500_000, "max_tokens": 5},
            },
            "Budget of a day changed: money none → $2.50.",
        ),
        ("agent.model_changed", {"after": None}, "Thinks with the one that covers the complexity."),
        ("provider.tested", {"error": "no connection."}, "Tested: no connection."),
        ("provider.model_added", {"provider": "p", "model": "m"}, "Model m of p added."),
    ],
)
def test_what_happens_around_models_is_told_in_words(kind: str, data: dict[str, object], said: str) -> None:
    assert event_words.words_of(Event(kind=kind, data=data)) == said


def test_parts_that_were_handed_on_are_named_by_their_titles() -> None:
    parts = {"tasks": [{"title": "North", "description": "Count."}, {"title": "South"}], "may_fail": True}
    assert step_words.command_of(Step(tool="team.delegate", arguments=parts)) == "2 parts: North, South"
