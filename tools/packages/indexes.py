"""Where packages come from: the indexes of this host's pip and uv, and what the sandbox must see and reach for them.

Without any configuration it is the installer's own default, which the installer itself tells (own_default.py).
The first index that has a package is the only one that is asked for it, unless uv is configured otherwise: a name
of a private index cannot be taken over by the same name in a public one.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from models.errors import Misconfigured
from tools.contract import MIB
from tools.packages import host, own_default

_CERTIFICATES_BYTES = 8 * MIB
_FIRST_INDEX = "first-index"


@dataclass(frozen=True)
class Indexes:
    """Each index is an https:// or file:// URL; `extra` come before `default`."""

    default: str | None
    extra: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    certificates: bytes = b""
    """Whom to trust, as PEM; empty leaves it to the installer."""
    client: bytes = b""
    """A client's certificate and key, as PEM."""
    strategy: str = _FIRST_INDEX
    patience: Mapping[str, str] = field(default_factory=dict)

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.extra, *filter(None, [self.default]), *self.find_links)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Folders of this host that are an index or hold files."""
        return tuple(dict.fromkeys(_folder(each) for each in self.all if each.startswith("file:")))

    @property
    def simple_folders(self) -> tuple[Path, ...]:
        """Those that are laid out as an index: a folder for each package."""
        indexes = (*self.extra, *filter(None, [self.default]))
        return tuple(dict.fromkeys(_folder(each) for each in indexes if each.startswith("file:")))

    @property
    def hosts(self) -> frozenset[str]:
        """Hosts to reach, with the port where the URL names one; those that files lie on, as far as known."""
        parts = [urlsplit(each) for each in self.all if each.startswith("https:")]
        named = {f"{each.hostname}:{each.port}" if each.port else str(each.hostname) for each in parts}
        return frozenset(named | own_default.files_hosts(named))

    @property
    def has_secrets(self) -> bool:
        """Whether the installer is handed what agents' code must never see."""
        return bool(self.client or self.secrets)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Passwords and tokens in the URLs, as they are written there and as they are meant."""
        parts = [urlsplit(each) for each in self.all]
        found = [each.password or each.username for each in parts if each.username or each.password]
        return tuple({spelling for each in found if each for spelling in (each, unquote(each))})

    @property
    def key(self) -> str:
        """The same for the same indexes; a folder that got another file is another one."""
        changed = [str(folder.stat().st_mtime_ns) for folder in self.folders]
        texts = [self.strategy, self.default or "", *self.extra, "", *self.find_links, *changed]
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()

    def without_network(self) -> "Indexes":
        """Only those that are folders."""
        default = self.default if self.default and self.default.startswith("file:") else None
        extra, links = (
            tuple(each for each in several if each.startswith("file:")) for several in (self.extra, self.find_links)
        )
        return replace(self, default=default, extra=extra, find_links=links)

    def as_configuration(self) -> str:
        """What uv is told, as its file: variables and a command line can be read by others on the host."""
        *extra, last = (*self.extra, *filter(None, [self.default])) or (None,)
        # Without a default uv has its own, which nobody asked for: the last index takes that place.
        rows = [(each, False) for each in extra] + ([(last, True)] if last else [])
        return "".join(
            [
                f"index-strategy = {json.dumps(self.strategy)}\n",
                f"find-links = {json.dumps(self.find_links)}\n",
                "" if last else "no-index = true\n",
                *(f"[[index]]\nurl = {json.dumps(url)}\ndefault = {json.dumps(is_last)}\n" for url, is_last in rows),
            ]
        )


def of_this_host(environ: Mapping[str, str] = os.environ) -> Indexes:
    """The indexes that pip and uv would use here, uv's configuration first.

    Raises:
        Misconfigured: one of them is neither https nor a folder; says which, and the cure.
    """
    home = Path(environ.get("HOME") or Path.home())
    told = host.uv(environ, home), host.pip(environ, home, Path(sys.prefix))
    default = next((each.default for each in told if each.default), None)
    if any(each.no_index for each in told):
        indexes = Indexes(None)
    else:
        extra = dict.fromkeys(_checked(each, "index") for one in told for each in one.extra)
        default = _checked(default or own_default.url(), "index")
        indexes = Indexes(default, tuple(each for each in extra if each != default))
    return replace(
        indexes,
        find_links=tuple(dict.fromkeys(_links(each for one in told for each in one.find_links))),
        certificates=b"\n".join(
            _pem(each) for each in dict.fromkeys(each for one in told for each in one.certificates)
        ),
        client=next((_pem(one.client) for one in told if one.client), b""),
        strategy=next((one.strategy for one in told if one.strategy), _FIRST_INDEX),
        patience={**told[1].patience, **told[0].patience},
    )


def _links(told: Iterator[str]) -> Iterator[str]:
    """Folders of files; one that is not there is passed over, as pip does."""
    for each in told:
        checked = _checked(each, "folder or page of files", is_needed=False)
        if checked.startswith("https:") or _folder(checked).is_dir():
            yield checked


def _checked(told: str, what: str, *, is_needed: bool = True) -> str:
    """The URL of an index that is a URL or a path."""
    scheme = urlsplit(told).scheme.lower()
    if scheme == "https" and urlsplit(told).hostname:
        return told
    if scheme not in ("", "file"):
        cure = "use https, or a folder of this host"
        raise Misconfigured(f"cannot use the {what}: {scheme} is not safe", host=urlsplit(told).hostname, cure=cure)
    folder = _folder(told) if scheme else Path(told).expanduser()
    if is_needed and not folder.is_dir():
        raise Misconfigured(f"cannot use the {what}: there is no such folder", folder=str(folder))
    return f"file://{quote(str(folder.resolve()))}"


def _folder(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


def _pem(path: str) -> bytes:
    """The file's contents; it is shown inside, where its path would mean nothing."""
    try:
        with Path(path).expanduser().open("rb") as file:
            data = file.read(_CERTIFICATES_BYTES + 1)
    except OSError as error:
        raise Misconfigured("cannot read the certificates of the indexes", file=path, reason=error.strerror) from error
    if len(data) > _CERTIFICATES_BYTES or b"-----BEGIN" not in data:
        raise Misconfigured("cannot use the certificates of the indexes: no PEM file", file=path)
    return data
