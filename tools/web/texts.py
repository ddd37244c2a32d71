"""What an answer holds as text, by what its host says about it, and the names of the files that it is kept in."""

import hashlib
import mimetypes
import re
from email.message import Message
from pathlib import PurePosixPath

from tools.network.fetch import Fetched
from tools.network.url import Url

_TEXT = re.compile(r"text/.*|application/(json|javascript|xml|yaml|.*\+(json|xml))", re.ASCII)
_CHARSET = re.compile(
    r"utf-?8|utf-?(16|32)([lb]e)?|(us-)?ascii|latin-?1|(iso-8859-|windows-125|cp125)[0-9]{1,2}"
    r"|gb(k|2312|18030)|big5|shift_jis|euc-(jp|kr)|koi8-[ru]",
    re.ASCII,
)
"""Those of the web: Python knows others that are slow on purpose, or no encodings of text."""


def is_text(fetched: Fetched) -> bool:
    """Whether its host calls it one."""
    return _TEXT.fullmatch(fetched.content_type) is not None


def charset(fetched: Fetched) -> str:
    """What its host says that it is written in; empty where it says nothing that the web knows."""
    said = Message()
    said["content-type"] = printable(fetched.headers.get("content-type", ""))
    found = str(said.get_content_charset(""))
    return found if _CHARSET.fullmatch(found) else ""


def decoded(fetched: Fetched, most: int | None = None) -> str:
    """Its first `most` bytes as text that every database takes."""
    return fetched.body[:most].decode(charset(fetched) or "utf-8", "replace").replace("\0", "\ufffd")


def printable(value: str) -> str:
    """The value in one line."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in value)


def default_path(url: str, content_type: str) -> str:
    """The same for the same URL, and another for any other."""
    asked = Url.parse(url)
    last = PurePosixPath(asked.target.partition("?")[0])
    suffix = last.suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,8}", last.suffix) else _suffix(content_type)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{asked.host}-{last.stem}").strip("-.")[:100]
    digest = hashlib.sha256(str(asked).encode()).hexdigest()[:8]
    return f"research/{name}-{digest}{suffix}"


def beside(path: str, suffix: str) -> str:
    """The file for the text of the one at `path`: next to it, and never itself."""
    there = str(PurePosixPath(path).with_suffix(suffix))
    return there if there != path else f"{path}.text{suffix}"


def _suffix(content_type: str) -> str:
    return mimetypes.guess_extension(content_type) or ".bin"
