"""research.cite: make a page that was fetched a numbered source, with its reference in a style.

The list: sources.py.  What counts as fetched: pages.py.
"""

from pydantic import Field

from models.errors import InvalidInput
from tools.contract import Arguments, Context, Effect, Tool, ToolResult, Values
from tools.network.url import LONGEST
from tools.research import pages, quotes, sources
from tools.research.pages import FetchedPage
from tools.research.styles import Style, written


class ResearchCite(Tool):
    """Cite a page."""

    name = "research.cite"
    purpose = "Make a page that web.fetch brought a numbered source; gives its marker for the text, and its reference."
    effect = Effect.IDEMPOTENT

    class Input(Arguments):
        url: str = Field(max_length=LONGEST, description="Of a page that this task has fetched.")
        quote: str = Field("", max_length=5000, description="Words of it that are to be there, word for word.")
        style: Style = Field("apa", description="Of the reference: apa, ieee or chicago.")
        title: str = Field("", max_length=300, description="Where the page's own is wrong or missing.")
        authors: list[str] = Field(
            default_factory=list, max_length=100, description='People who wrote it, as "Family, Given".'
        )
        organisation: str = Field("", max_length=300, description="Or the organisation that did.")
        site: str = Field("", max_length=200, description="The name of the site.")
        published: str = Field(
            "",
            pattern=r"^([0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?)?$",
            description="When it was: 2024, 2024-03 or 2024-03-05.",
        )

    class Output(Values):
        number: int
        marker: str = Field(description="What the text points to it with, such as [1].")
        reference: str = Field(description="Its line in the list of references, without the number.")
        accessed: str = Field(description="When it was fetched, UTC.")

    def run(self, call: Input, context: Context) -> ToolResult:
        page = pages.require(context.pages.fetched(), call.url)
        if call.quote:
            require_quote(page, call.quote, context)
        named = {"title": call.title, "authors": call.authors, "organisation": call.organisation}
        source = sources.cited(context.workspace, page, **named, site=call.site, published=call.published)
        return ToolResult(
            output={
                "number": source.number,
                "marker": source.marker,
                "reference": written(source.reference, call.style),
                "accessed": source.accessed.isoformat(),
            }
        )


def require_quote(page: FetchedPage, quote: str, context: Context) -> None:
    """Nothing, where the page has the quote.

    Raises:
        InvalidInput: it does not, or no text of it is known.
    """
    text = pages.text_of(page, context.workspace)
    if not text:
        reason = page.text_problem or "there is none"
        raise InvalidInput(f"cannot quote it: its text is not known: {reason}", url=page.url)
    if not quotes.is_in(quote, text):
        cure = "quote words that stand in its text, word for word"
        raise InvalidInput("cannot quote it: the page does not say that", url=page.url, quote=quote[:300], cure=cure)
