"""research.*: only what was fetched is cited, only what a page says is quoted, and both are kept."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from models.errors import InvalidInput
from tools.contract import Context, Limits, ToolResult
from tools.registry import find
from tools.research.pages import FetchedPage
from tools.sandbox.choice import NoSandbox
from tools.workspace import Workspace

AT = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
TEXT = "# On Tides\n\nThere are **two** tides each day.\n" + "Much more. " * 100 + "The end is quoted too."
TIDES = FetchedPage(
    asked="https://sea.example/t?short",
    url="https://sea.example/tides",
    at=AT,
    title="On Tides",
    authors="Ada Lovelace; Grace Hopper",
    published="2024-03-05",
    site="Sea Times",
    text=TEXT[:60],
    text_path="research/tides.md",
    text_sha256=hashlib.sha256(TEXT.encode()).hexdigest(),
)
SCAN = FetchedPage(
    asked="https://a.example/scan", url="https://a.example/scan", at=AT, text_problem="there is no text in it"
)


@dataclass
class Fetched:
    pages: list[FetchedPage] = field(default_factory=lambda: [TIDES, SCAN])

    def fetched(self) -> Sequence[FetchedPage]:
        return self.pages


@pytest.fixture
def context(tmp_path: Path) -> Context:
    workspace = Workspace.create(tmp_path / "workspaces", "w1")
    workspace.write_bytes("research/tides.md", TEXT.encode())
    return Context(workspace, NoSandbox({}), Limits(), tmp_path, pages=Fetched())


def run(name: str, context: Context, **arguments: Any) -> ToolResult:
    tool = find(f"research.{name}")
    return tool.run(tool.parse(arguments), context)


def kept(context: Context) -> list[dict[str, Any]]:
    return list(json.loads(context.workspace.read_bytes("research/sources.json"))["sources"])


def test_page_that_was_fetched_becomes_a_numbered_source(context: Context) -> None:
    cited = run("cite", context, url="https://sea.example/tides#top", quote="two tides each day").output
    assert (cited["number"], cited["marker"]) == (1, "[1]")
    assert cited["reference"] == (
        "Lovelace, A., & Hopper, G. (2024, March 5). *On Tides*. Sea Times. https://sea.example/tides"
    )
    assert cited["accessed"] == AT.isoformat()
    again = run("cite", context, url="https://sea.example/t?short", style="chicago").output
    assert again["marker"] == "[1]" and again["reference"].startswith("Lovelace, Ada, and Grace Hopper.")
    assert [each["url"] for each in kept(context)] == ["https://sea.example/tides"]


def test_page_that_was_not_fetched_cannot_be_cited_or_noted(context: Context) -> None:
    for url in ("https://sea.example/other", "https://sea.example/", "not a url"):
        with pytest.raises(InvalidInput, match="has not fetched it") as caught:
            run("cite", context, url=url)
        assert "https://sea.example/tides" in caught.value.details["fetched"]
        with pytest.raises(InvalidInput, match="has not fetched it"):
            run("note", context, claim="x", url=url, quote="two tides each day")
    assert not context.workspace.exists("research/sources.json")


def test_what_a_page_does_not_say_cannot_be_quoted(context: Context) -> None:
    with pytest.raises(InvalidInput, match="the page does not say that"):
        run("cite", context, url=TIDES.url, quote="There are three tides each day.")
    with pytest.raises(InvalidInput, match="there is no text in it"):
        run("note", context, claim="x", url=SCAN.url, quote="anything")
    assert run("cite", context, url=SCAN.url).output["reference"].startswith("*https://a.example/scan*. (n.d.).")


def test_file_that_was_changed_since_is_no_proof(context: Context) -> None:
    run("note", context, claim="It ends", url=TIDES.url, quote="The end is quoted too.")
    context.workspace.write_bytes("research/tides.md", b"There are three tides each day. The end is quoted too.")
    for quote in ("There are three tides each day.", "The end is quoted too."):
        with pytest.raises(InvalidInput, match="does not say that"):
            run("note", context, claim="Three", url=TIDES.url, quote=quote)
    # What the step itself keeps is still known.
    assert run("cite", context, url=TIDES.url, quote="There are two tides").exit_code == 0


def test_what_is_known_better_replaces_what_the_page_says(context: Context) -> None:
    better = {"organisation": "Harbour Office", "published": "2023", "title": "Tides"}
    cited = run("cite", context, url=TIDES.url, **better).output
    assert cited["reference"] == "Harbour Office. (2023). *Tides*. Sea Times. https://sea.example/tides"
    assert run("cite", context, url=TIDES.url).output["reference"] == cited["reference"]


def test_note_keeps_claim_source_quote_and_time(context: Context) -> None:
    said = {"claim": "Two a day", "url": TIDES.url, "quote": "two tides each day"}
    assert run("note", context, **said).output == {"id": "n1", "marker": "[1]"}
    assert run("note", context, **said).output == {"id": "n1", "marker": "[1]"}
    run("note", context, **{**said, "claim": "Often"})
    lines = context.workspace.read_bytes("research/notes.jsonl").decode().splitlines()
    assert [json.loads(line)["claim"] for line in lines] == ["Two a day", "Often"]
    first = json.loads(lines[0])
    assert (first["url"], first["quote"], first["source"]) == (TIDES.url, "two tides each day", 1)
    assert datetime.fromisoformat(first["accessed"]) == AT


def test_bibliography_lists_what_the_text_points_to(context: Context) -> None:
    run("cite", context, url=TIDES.url)
    run("cite", context, url=SCAN.url)
    context.workspace.write_bytes("output/report.md", b"Two tides [1], and a third [7].")
    found = run("bibliography", context, style="ieee", cited_in="output/report.md").output
    assert found["missing"] == [7]
    assert found["text"].splitlines()[0] == "## References"
    assert found["text"].splitlines()[2].startswith("[1] A. Lovelace and G. Hopper. “On Tides.” Sea Times.")
    assert "a.example/scan" not in found["text"]
    assert context.workspace.read_bytes(found["path"]).decode() == found["text"]
    assert "a.example/scan" in run("bibliography", context).output["text"]


@pytest.mark.parametrize("broken", [b"{", b"[]", b'{"sources": [{"number": 0}]}', b"\xff"])
def test_list_of_sources_that_is_damaged_is_named(context: Context, broken: bytes) -> None:
    context.workspace.write_bytes("research/sources.json", broken)
    with pytest.raises(InvalidInput, match="it is damaged"):
        run("cite", context, url=TIDES.url)


def test_task_that_fetched_nothing_can_cite_nothing(context: Context) -> None:
    with pytest.raises(InvalidInput, match="has not fetched it"):
        run("cite", replace(context, pages=Fetched([])), url=TIDES.url)
