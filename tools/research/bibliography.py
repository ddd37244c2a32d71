"""research.bibliography: write the list of references of all sources, or of those that a text points to."""

from pydantic import Field

from tools.contract import Arguments, Context, Effect, Tool, ToolResult, Values
from tools.paths import AnyPath, FilePath
from tools.research import sources
from tools.research.markers import numbers_in
from tools.research.sources import Source
from tools.research.styles import Style, order, written

FILE = "research/bibliography.md"


class ResearchBibliography(Tool):
    """Write the references."""

    name = "research.bibliography"
    purpose = "Write the list of references in APA, IEEE or Chicago style, for the end of a report."
    effect = Effect.IDEMPOTENT

    class Input(Arguments):
        style: Style = Field("apa", description="apa, ieee or chicago.")
        cited_in: AnyPath = Field("", description="File whose markers, such as [1], say which; empty: all sources.")
        path: FilePath = Field(FILE, description="File of the workspace to write it to.")

    class Output(Values):
        path: str
        text: str = Field(description="The list in Markdown: a heading, and a line for each source.")
        missing: list[int] = Field(description="Numbers in the text that no source has.")

    def run(self, call: Input, context: Context) -> ToolResult:
        known = sources.read(context.workspace)
        wanted = {each.number for each in known}
        if call.cited_in:
            wanted = numbers_in(context.workspace.read_bytes(call.cited_in).decode("utf-8", "replace"))
        text = listed([each for each in known if each.number in wanted], call.style)
        context.workspace.write_bytes(call.path, text.encode("utf-8", "replace"))
        missing = sorted(wanted - {each.number for each in known})
        return ToolResult(output={"path": call.path, "text": text, "missing": missing})


def listed(wanted: list[Source], style: Style) -> str:
    """The list; each line begins with the marker, so that every citation finds its reference in any style."""
    in_order = sorted(wanted, key=lambda each: order(each.reference, style, each.number))
    lines = [f"{each.marker} {written(each.reference, style)}\n" for each in in_order]
    return "\n".join(["## References\n", *lines])
