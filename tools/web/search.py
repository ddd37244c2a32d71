"""web.search: ask for web pages or news by words.

Who is asked: a provider of `PROVIDERS`, the one of the settings first; where it cannot answer, the other one, and the
timeline says why.  What is kept of it: searches.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field

from models.errors import InvalidInput, Misconfigured, OpsCoreError, ToolFailed
from tools.contract import MIB, Arguments, Context, Effect, Limits, Tool, ToolResult, Values
from tools.network.budget import Spent
from tools.web import duckduckgo, searxng
from tools.web.rules import Provider
from tools.web.searches import Asked, Result

LONGEST_QUERY = 500
PROVIDERS: dict[Provider, Callable[[Asked, Context], list[Result]]] = {
    "duckduckgo": duckduckgo.search,
    "searxng": searxng.search,
}
_OUT_OF_TIME = 124


@dataclass(frozen=True)
class Answer:
    """What a provider found, now or before."""

    provider: Provider
    results: Sequence[Result]
    is_cached: bool = False


class Found(BaseModel):
    """One page that was found."""

    title: str
    url: str
    snippet: str
    position: int
    published: str | None = None


class WebSearch(Tool):
    """Search the web."""

    name = "web.search"
    purpose = "Search the web or the news for words; gives titles, addresses and snippets of pages, the best first."
    # It leaves a line in the history and nothing else.
    effect = Effect.IDEMPOTENT
    limits = Limits(wall_s=90, network_bytes=16 * MIB)
    needs = frozenset({"network"})
    uses_workspace = False

    class Input(Arguments):
        query: str = Field(min_length=1, max_length=LONGEST_QUERY, description="What to search for.")
        kind: Literal["text", "news"] = Field("text", description="Web pages, or news.")
        limit: int = Field(10, ge=1, le=30, description="How many results at most.")
        page: int = Field(1, ge=1, le=10, description="Which page of the results.")
        since: Literal["", "d", "w", "m", "y"] = Field(
            "", description="Only of the last day, week, month or year, by its first letter; empty: of any time."
        )
        region: str = Field(
            "wt-wt", pattern=r"^[a-z]{2}-[a-z]{2,3}$", description="Country and language, such as us-en; wt-wt: any."
        )
        safe: Literal["on", "moderate", "off"] = Field("moderate", description="How strictly results are filtered.")
        provider: Literal["", "duckduckgo", "searxng"] = Field(
            "", description="Who is asked first; empty: as the installation is set."
        )

    class Output(Values):
        results: list[Found] = Field(description="The best first.")
        provider: str = Field(description="Who answered.")
        is_cached: bool = Field(description="Whether the answer is from a search shortly before.")

    def run(self, call: Input, context: Context) -> ToolResult:
        if not call.query.strip():
            raise InvalidInput("cannot search for nothing: say what for in `query`")
        options = {name: value for name, value in call.model_dump().items() if name not in ("query", "provider")}
        try:
            answer = _first_of(_order(call, context), " ".join(call.query.split()), options, context)
        except Spent as spent:
            return ToolResult(exit_code=_OUT_OF_TIME if spent.hit else None, hit=spent.hit)
        results = [each.as_dict() for each in answer.results]
        return ToolResult(output={"results": results, "provider": answer.provider, "is_cached": answer.is_cached})


def _order(call: WebSearch.Input, context: Context) -> list[Provider]:
    """Who is asked, one after the other.

    Raises:
        InvalidInput: the one that is wanted is not set up.
    """
    first: Provider = call.provider or context.web.provider
    if first == "searxng" and not context.web.searxng_url:
        message = "cannot ask SearXNG: the installation names none"
        raise InvalidInput(message, setting=searxng.SETTING, cure="ask duckduckgo, or set it")
    others: list[Provider] = [each for each in PROVIDERS if each != first]
    return [first, *(each for each in others if each != "searxng" or context.web.searxng_url)]


def _first_of(order: list[Provider], query: str, options: dict[str, Any], context: Context) -> Answer:
    """The answer of the first that has one.

    Raises:
        Spent: the call was cancelled.
        OpsCoreError: what the last one failed with, and the others said in it.
    """
    failed: list[str] = []
    for at, provider in enumerate(order):
        asked = Asked(provider, query, options)
        try:
            return _asked(asked, provider, context)
        except OpsCoreError as error:
            context.searches.keep(asked, (), error=str(error))
            if not isinstance(error, ToolFailed | Misconfigured):
                raise  # what is not allowed is no reason to ask somebody else
            failed.append(f"{provider}: {error.message}")
            if at + 1 == len(order):
                raise _of_all(error, failed) from error
            context.tell("search.fell_back", provider=provider, next=order[at + 1], reason=error.message)
    raise InvalidInput("cannot search: nobody is there to ask")


def _asked(asked: Asked, provider: Provider, context: Context) -> Answer:
    known = context.searches.recent(asked, context.web.cache_for) if context.web.cache_for else None
    found = known if known is not None else PROVIDERS[provider](asked, context)
    context.searches.keep(asked, found, is_cached=known is not None)
    return Answer(provider, found, is_cached=known is not None)


def _of_all(error: OpsCoreError, failed: list[str]) -> OpsCoreError:
    if len(failed) == 1:
        return error
    return ToolFailed(f"cannot search: nobody answers: {'; '.join(failed)}", **error.details)
