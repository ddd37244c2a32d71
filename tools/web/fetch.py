"""web.fetch: fetch a page or file of the public web into the workspace, and take out its text.

What protects the worker and its network: tools/network/fetch.py.  What the site wants: robots.py.  The text of HTML
and PDF is taken out in the sandbox (reading/); any other text is only decoded (texts.py).
"""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, Field

from tools import files_at
from tools.contract import MIB, Arguments, Context, Effect, Limits, Resources, Tool, ToolResult, Values
from tools.network.fetch import Fetched, fetch
from tools.network.url import LONGEST
from tools.paths import AnyPath
from tools.web import reading, robots, texts

TEXT_CHARACTERS = 6000
LINKS = 25
MOST_LINKS = 100
MOST_CHARACTERS = 2**16
REFUSED_BYTES = 2**14
"""Of an answer that is no success: what it says is shown, and not kept."""
_TOLD = ("content-type", "date", "etag", "last-modified", "retry-after", "server")
_OUT_OF_TIME = 124


@dataclass(frozen=True)
class Text:
    """The text of what was fetched, or the problem that there is none."""

    whole: str = ""
    path: str | None = None
    problem: str | None = None
    about: dict[str, Any] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)


class Link(BaseModel):
    """Another page that this one leads to."""

    url: str
    text: str


class WebFetch(Tool):
    """Fetch a URL."""

    name = "web.fetch"
    purpose = "Fetch a page, PDF or file of the public web by its URL; save it in the workspace, and its readable text."
    # Asked twice, a page may have changed; nothing of ours has.
    effect = Effect.IDEMPOTENT
    limits = Limits(wall_s=120, file_bytes=64 * MIB, network_bytes=64 * MIB)
    needs = frozenset({"network"})

    class Input(Arguments):
        url: str = Field(max_length=LONGEST, description="Its http:// or https:// address, without user or password.")
        path: AnyPath = Field("", description="File of the workspace to save it in; empty: one in research/.")
        content_types: list[str] = Field(
            default_factory=list, max_length=50, description='Take only these, by their beginnings, such as "text/".'
        )
        readable: bool = Field(True, description="Take out the text of HTML and PDF, which needs the sandbox.")
        text_limit: int = Field(
            TEXT_CHARACTERS, ge=0, le=MOST_CHARACTERS, description="How many characters of the text to hand back."
        )
        links_limit: int = Field(LINKS, ge=0, le=MOST_LINKS, description="How many of its links to hand back.")

    class Output(Values):
        status: int | None = Field(description="Of the last answer, such as 200; empty when there was none.")
        url: str = Field(description="Where it was in the end, after redirects.")
        headers: dict[str, str] = Field(description="Those of interest.")
        path: str | None = Field(description="The file that it was saved in; empty unless the status is 200.")
        size: int = Field(description="Bytes of the body.")
        text: str = Field(description="The beginning of its text.")
        text_path: str | None = Field(description="The file of the workspace with the whole text.")
        text_length: int = Field(description="How many characters that has.")
        text_sha256: str | None = Field(description="Digest of that file as it was written: what quotes are held to.")
        text_problem: str | None = Field(description="Why there is no text.")
        title: str | None = Field(None, description="As the page says, and so all that follows.")
        description: str | None = None
        author: str | None = None
        date: str | None = Field(None, description="When it was published, such as 2024-03-05.")
        site: str | None = Field(None, description="The name of the site.")
        language: str | None = None
        pages: int | None = Field(None, description="Of a PDF.")
        links: list[Link] = Field(default_factory=list, description="Pages that it leads to, the first of them.")

    def run(self, call: Input, context: Context) -> ToolResult:
        path = files_at.clean(call.path) if call.path else ""
        types = tuple(each.lower() for each in call.content_types)
        fetched = fetch(call.url, context, content_types=types, before=robots.keeper(context))
        if fetched.status is None or not 200 <= fetched.status < 300:
            return _result(fetched, None, Text(texts.decoded(fetched, REFUSED_BYTES)), call)
        if not _has_room(context, len(fetched.body)):
            return _result(replace(fetched, hit="workspace_bytes"), None, Text(), call)
        path = path or texts.default_path(call.url, fetched.content_type)
        context.workspace.write_bytes(path, fetched.body)
        return _result(fetched, path, _text(call, context, fetched, path), call)


def _has_room(context: Context, size: int) -> bool:
    left = context.limits.workspace_bytes - size
    with context.workspace.root() as root:
        return left >= 0 and files_at.disk_usage(root, left) <= left


def _text(call: WebFetch.Input, context: Context, fetched: Fetched, path: str) -> Text:
    kind = reading.kind_of(fetched.content_type, fetched.body)
    if kind is not None:
        return _read(kind, context, fetched, path) if call.readable else Text(problem="it was not asked for")
    if not texts.is_text(fetched):
        return Text(problem=f"there is no reader for {texts.printable(fetched.content_type) or 'what this is'}")
    return _decoded(context, fetched, path)


def _read(kind: reading.Kind, context: Context, fetched: Fetched, path: str) -> Text:
    there = texts.beside(path, ".md" if kind == "html" else ".txt")
    found = reading.read(kind, fetched.body, fetched.url, texts.charset(fetched), there, context)
    if found.problem:
        return Text(problem=found.problem, resources=found.resources)
    whole = context.workspace.read_bytes(there).decode("utf-8", "replace")
    return Text(whole, there, about=found.about, resources=found.resources)


def _decoded(context: Context, fetched: Fetched, path: str) -> Text:
    """The text of what is nothing but text: the file itself, where that is UTF-8, or one beside it."""
    whole = texts.decoded(fetched)
    if whole.encode("utf-8", "replace") == fetched.body:
        return Text(whole, path)
    there = texts.beside(path, ".txt")
    context.workspace.write_bytes(there, whole.encode("utf-8", "replace"))
    return Text(whole, there)


def _result(fetched: Fetched, path: str | None, text: Text, call: WebFetch.Input) -> ToolResult:
    # The text before the links: whoever sees only the beginning of all this should see some of it.
    output: dict[str, Any] = {
        **text.about,
        "status": fetched.status,
        "url": fetched.url,
        "headers": {name: texts.printable(fetched.headers[name]) for name in _TOLD if name in fetched.headers},
        "path": path,
        "size": len(fetched.body),
        "text": text.whole[: call.text_limit].replace("\0", "\ufffd"),
        "text_path": text.path,
        "text_length": len(text.whole),
        "text_sha256": hashlib.sha256(text.whole.encode("utf-8", "replace")).hexdigest() if text.path else None,
        "text_problem": text.problem,
    }
    output["links"] = output.pop("links", [])[: call.links_limit]
    return ToolResult(
        exit_code=_exit_code(fetched, path),
        output=output,
        resources=text.resources,
        hit=fetched.hit,
        is_transient=fetched.is_away,
        retry_after_s=fetched.retry_after_s,
    )


def _exit_code(fetched: Fetched, path: str | None) -> int | None:
    if fetched.hit == "wall_s":
        return _OUT_OF_TIME
    if fetched.hit is None and fetched.status is None:
        return None  # cancelled
    return 0 if path is not None else 1
