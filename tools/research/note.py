"""research.note: keep a claim with the page that says so, the words of that page, and when it was read.

The file: notes.py.  The page becomes a source: sources.py.
"""

from pydantic import Field

from tools.contract import Arguments, Context, Effect, Tool, ToolResult, Values
from tools.network.url import LONGEST
from tools.research import notes, pages, sources
from tools.research.cite import require_quote
from tools.research.notes import Note


class ResearchNote(Tool):
    """Note a claim."""

    name = "research.note"
    purpose = "Keep a claim with its source: a page that web.fetch has brought, and the words in which that says so."
    effect = Effect.IDEMPOTENT

    class Input(Arguments):
        claim: str = Field(min_length=1, max_length=2000, description="What was found out, in your own words.")
        url: str = Field(max_length=LONGEST, description="Of the page that says so, which this task has fetched.")
        quote: str = Field(
            min_length=1, max_length=5000, description="What it says, word for word; … for what is left out."
        )

    class Output(Values):
        id: str = Field(description="Of the note, such as n3.")
        marker: str = Field(description="What the text points to the source with, such as [1].")

    def run(self, call: Input, context: Context) -> ToolResult:
        page = pages.require(context.pages.fetched(), call.url)
        require_quote(page, call.quote, context)
        source = sources.cited(context.workspace, page)
        known = notes.read(context.workspace)
        said = (call.claim, source.url, call.quote)
        note = next((each for each in known if (each.claim, each.url, each.quote) == said), None)
        if note is None:
            note = Note(id=f"n{len(known) + 1}", claim=call.claim, url=source.url, quote=call.quote,
                        accessed=page.at, source=source.number)  # fmt: skip
            notes.add(context.workspace, note)
        return ToolResult(output={"id": note.id, "marker": source.marker})
