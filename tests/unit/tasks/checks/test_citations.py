"""The check of a report's citations: what it takes for good, and each way to cite what was never read."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from models.errors import NotFound
from models.step import Step, StepState
from tasks import checks
from tasks.research.pages import of_steps
from tools.workspace import Workspace

AT = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
TEXT = "There are two tides each day."
REPORT = "output/report.md"
GOOD = """# How many tides

There are two tides each day [1], as [the paper](https://sea.example/tides) says.

## References

[1] Lovelace, A. (2024). *On Tides*. https://sea.example/tides
"""


def step(url: str, tool: str = "web.fetch", state: StepState = StepState.SUCCEEDED) -> Step:
    output = {"url": url, "text": TEXT, "text_path": "research/t.md", "text_sha256": _digest(TEXT), "title": "On Tides"}
    return Step(tool=tool, state=state, arguments={"url": url}, output=output, finished_at=AT, started_at=AT)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def source(number: int, url: str) -> dict[str, Any]:
    return {"number": number, "url": url, "title": "T", "accessed": AT.isoformat()}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    found = Workspace.create(tmp_path / "workspaces", "w1")
    keep(found, sources=[source(1, "https://sea.example/tides")])
    found.write_bytes(REPORT, GOOD.encode())
    return found


def keep(workspace: Workspace, sources: list[dict[str, Any]]) -> None:
    workspace.write_bytes("research/sources.json", json.dumps({"sources": sources}).encode())


def problems(workspace: Workspace, *steps: Step) -> list[str]:
    fetched = of_steps(steps or [step("https://sea.example/tides")])
    return checks.find("citations")(workspace, fetched, REPORT)


def test_report_whose_citations_all_hold_has_no_problem(workspace: Workspace) -> None:
    assert problems(workspace) == []


@pytest.mark.parametrize(
    "references",
    [
        "## Sources\n\n- [1] On Tides,\n  https://sea.example/tides",
        "# 4. Bibliography #\n\n[1]: https://sea.example/tides",
    ],
)
def test_references_may_be_set_in_other_ways(workspace: Workspace, references: str) -> None:
    workspace.write_bytes(REPORT, f"Two tides [1].\n\n{references}\n".encode())
    assert problems(workspace) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Two tides.\n\n## References\n", "cites nothing"),
        ("Two tides [1].\n", "has no heading"),
        (GOOD.replace("day [1]", "day [1, 2]"), "[2] is no source"),
        (GOOD.replace("*. https://sea.example/tides", "*."), "[1] has no line under “References”"),
        (GOOD + "\n[2] Somebody. https://sea.example/tides\n", "[2] stands under “References”, and nothing"),
        (
            GOOD.replace("the paper](https://sea.example/tides)", "it](https://made.up/page)"),
            "https://made.up/page stands",
        ),
        (GOOD.replace("says.", "says (see http://sea.example/tides)."), "http://sea.example/tides stands"),
    ],
)
def test_each_citation_that_does_not_hold_is_named(workspace: Workspace, text: str, problem: str) -> None:
    workspace.write_bytes(REPORT, text.encode())
    [found] = problems(workspace)
    assert problem in found


def test_source_that_was_written_into_the_list_by_hand_is_no_source(workspace: Workspace) -> None:
    keep(workspace, [source(1, "https://sea.example/tides"), source(2, "https://made.up/page")])
    told = GOOD.replace("day [1]", "day [1][2]") + "\n[2] Made up. https://made.up/page\n"
    workspace.write_bytes(REPORT, told.encode())
    found = problems(workspace)
    assert any("[2] is https://made.up/page, which this task has not fetched" in each for each in found)


@pytest.mark.parametrize(
    "not_fetched",
    [step("https://sea.example/tides", state=StepState.FAILED), step("https://sea.example/tides", tool="web.search")],
)
def test_page_that_was_only_found_or_failed_to_come_is_not_fetched(workspace: Workspace, not_fetched: Step) -> None:
    assert len(problems(workspace, not_fetched)) == 2  # as a source, and as an address


def test_note_that_quotes_what_no_page_says_is_named(workspace: Workspace) -> None:
    said = {"id": "n1", "claim": "c", "url": "https://sea.example/tides", "accessed": AT.isoformat(), "source": 1}
    lines = [{**said, "quote": "two tides each day"}, {**said, "id": "n2", "quote": "three tides each day"}]
    lines.append({**said, "id": "n3", "url": "https://made.up/page", "quote": "two tides"})
    workspace.write_bytes("research/notes.jsonl", "\n".join(map(json.dumps, lines)).encode())
    found = problems(workspace)
    assert ["n2" in found[0], "does not say" in found[0], "n3" in found[1], len(found)] == [True, True, True, 2]


def test_quotes_are_held_to_the_page_as_it_was_fetched_last(workspace: Workspace) -> None:
    url = "https://sea.example/tides"
    old, new = step(url), step(url)
    old.output = {"url": url, "text": "There are three tides."}
    new.output = {"url": url, "text": "There are two tides."}
    said = {"id": "n1", "claim": "c", "url": url, "quote": "two tides", "accessed": AT.isoformat(), "source": 1}
    workspace.write_bytes("research/notes.jsonl", json.dumps(said).encode())
    assert problems(workspace, new, old) == []
    assert "does not say" in problems(workspace, old, new)[0]


def test_address_with_brackets_in_a_sentence_is_read_as_people_mean_it(workspace: Workspace) -> None:
    url = "https://pedia.example/Tide_(sea)"
    text = GOOD.replace("says.", f"says; see ({url}), or `https://code.example/`.")
    workspace.write_bytes(REPORT, text.encode())
    assert problems(workspace, step("https://sea.example/tides"), step(url)) == []


@pytest.mark.parametrize(
    "slow",
    ["\n" * 400_000, "# references" + " " * 400_000 + "x", "[1" + " " * 400_000, "https://a.example/" + ")" * 400_000,
     "`" * 400_001, "- [1] " * 60_000, "- [1] x\n" * 60_000, "## References\n" * 60_000],
    ids=["lines", "heading", "marker", "address", "code", "one entry", "entries", "headings"],
)  # fmt: skip
def test_report_that_was_made_to_be_slow_is_read_all_the_same(workspace: Workspace, slow: str) -> None:
    workspace.write_bytes(REPORT, f"{GOOD}\n{slow}\n{slow}".encode())
    problems(workspace)


def test_last_of_several_headings_begins_the_references(workspace: Workspace) -> None:
    workspace.write_bytes(REPORT, f"## Sources\n\nI looked at one [1].\n\n{GOOD}".encode())
    assert problems(workspace) == []


def test_report_or_list_that_cannot_be_read_is_a_problem(workspace: Workspace) -> None:
    keep(workspace, [{"number": "x"}])
    assert "it is damaged" in problems(workspace)[0]
    workspace.delete(REPORT)
    assert len(problems(workspace)) == 1


def test_unknown_check_names_those_that_there_are() -> None:
    with pytest.raises(NotFound) as caught:
        checks.find("no-such")
    assert "citations" in caught.value.details["known"]
