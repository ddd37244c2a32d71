"""web.fetch: fetch a page or file of the public web into the workspace.

What protects the worker and its network: tools/network/fetch.py.  Taking the text out of a page is not done here.
"""

import hashlib
import mimetypes
import re
from dataclasses import replace
from email.message import Message
from pathlib import PurePosixPath

from pydantic import Field

from tools import files_at
from tools.contract import MIB, Arguments, Context, Effect, Limits, Tool, ToolResult, Values
from tools.network.fetch import Fetched, fetch
from tools.network.url import LONGEST, Url

TEXT_BYTES = 2**16
_TOLD = ("content-type", "date", "etag", "last-modified", "retry-after", "server")
_TEXT = re.compile(r"text/.*|application/(json|javascript|xml|yaml|.*\+(json|xml))", re.ASCII)
_CHARSET = re.compile(
    r"utf-?8|utf-?(16|32)([lb]e)?|(us-)?ascii|latin-?1|(iso-8859-|windows-125|cp125)[0-9]{1,2}"
    r"|gb(k|2312|18030)|big5|shift_jis|euc-(jp|kr)|koi8-[ru]",
    re.ASCII,
)
"""Those of the web: Python knows others that are slow on purpose, or no encodings of text."""
_OUT_OF_TIME = 124


class WebFetch(Tool):
    """Fetch a URL."""

    name = "web.fetch"
    purpose = "Fetch a page or file of the public web by its URL, and save it in the workspace."
    # Asked twice, a page may have changed; nothing of ours has.
    effect = Effect.IDEMPOTENT
    limits = Limits(wall_s=120, file_bytes=64 * MIB, network_bytes=64 * MIB)
    needs = frozenset({"network"})

    class Input(Arguments):
        url: str = Field(max_length=LONGEST, description="Its http:// or https:// address, without user or password.")
        path: str = Field("", description="File of the workspace to save it in; empty: one in research/.")
        content_types: list[str] = Field(
            default_factory=list, max_length=50, description='Take only these, by their beginnings, such as "text/".'
        )

    class Output(Values):
        status: int | None = Field(description="Of the last answer, such as 200; empty when there was none.")
        url: str = Field(description="Where it was in the end, after redirects.")
        headers: dict[str, str] = Field(description="Those of interest.")
        path: str | None = Field(description="The file that it was saved in; empty unless the status is 200.")
        size: int = Field(description="Bytes of the body.")
        text: str = Field(description="Its beginning, if it is text.")

    def run(self, call: Input, context: Context) -> ToolResult:
        path = files_at.clean(call.path) if call.path else ""
        fetched = fetch(call.url, context, content_types=tuple(each.lower() for each in call.content_types))
        if fetched.status is None or not 200 <= fetched.status < 300:
            return _result(fetched, None)
        if not _has_room(context, len(fetched.body)):
            return _result(replace(fetched, hit="workspace_bytes"), None)
        path = path or _default_path(call.url, fetched.content_type)
        context.workspace.write_bytes(path, fetched.body)
        return _result(fetched, path)


def _has_room(context: Context, size: int) -> bool:
    left = context.limits.workspace_bytes - size
    with context.workspace.root() as root:
        return left >= 0 and files_at.disk_usage(root, left) <= left


def _result(fetched: Fetched, path: str | None) -> ToolResult:
    output = {
        "status": fetched.status,
        "url": fetched.url,
        "headers": {name: _clean(fetched.headers[name]) for name in _TOLD if name in fetched.headers},
        "path": path,
        "size": len(fetched.body),
        "text": _text(fetched),
    }
    return ToolResult(
        exit_code=_exit_code(fetched, path),
        output=output,
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


def _text(fetched: Fetched) -> str:
    if not _TEXT.fullmatch(fetched.content_type):
        return ""
    return fetched.body[:TEXT_BYTES].decode(_charset(fetched), "replace").replace("\0", "\ufffd")


def _charset(fetched: Fetched) -> str:
    said = Message()
    said["content-type"] = _clean(fetched.headers.get("content-type", ""))
    charset = str(said.get_content_charset("utf-8"))
    return charset if _CHARSET.fullmatch(charset) else "utf-8"


def _clean(value: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in value)


def _default_path(url: str, content_type: str) -> str:
    """The same for the same URL, and another for any other."""
    asked = Url.parse(url)
    last = PurePosixPath(asked.target.partition("?")[0])
    suffix = last.suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,8}", last.suffix) else _suffix(content_type)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{asked.host}-{last.stem}").strip("-.")[:100]
    digest = hashlib.sha256(str(asked).encode()).hexdigest()[:8]
    return f"research/{name}-{digest}{suffix}"


def _suffix(content_type: str) -> str:
    return mimetypes.guess_extension(content_type) or ".bin"
