"""What this host's own configuration of pip and uv says of indexes: their files and their variables.

Only what decides where packages come from is read: pip's and uv's documentation name the files and the order.
What is made of it: indexes.py.
"""

import configparser
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.errors import Misconfigured

_NOTHING = "/dev/null"
_PATIENCE = {"default-timeout": "UV_HTTP_TIMEOUT", "timeout": "UV_HTTP_TIMEOUT", "retries": "UV_HTTP_RETRIES"}

Table = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """One installer's configuration; None and empty where it says nothing."""

    default: str | None = None
    extra: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    certificates: tuple[str, ...] = ()
    client: str | None = None
    """File with a client's certificate and key."""
    strategy: str | None = None
    """Which of several indexes counts, in uv's words; pip has no word for it."""
    patience: dict[str, str] = field(default_factory=dict)
    """How long to wait for an index and how often to ask again, as uv's variables."""


def pip(environ: Mapping[str, str], home: Path, prefix: Path) -> Told:
    """pip's, as `pip install` would have it; `prefix` is that of a virtual environment.

    Raises:
        Misconfigured: a file cannot be read; names it.
    """
    told: dict[str, str] = {}
    for file in _pip_files(environ, home, prefix):
        told |= _pip_file(file)
    told |= {_option(name[4:]): value for name, value in environ.items() if name.startswith("PIP_") and value}
    return Told(
        default=told.get("index-url"),
        extra=tuple(told.get("extra-index-url", "").split()),
        find_links=tuple(told.get("find-links", "").split()),
        no_index=_is_true(told.get("no-index")),
        certificates=tuple(filter(None, [told.get("cert"), environ.get("REQUESTS_CA_BUNDLE")])),
        client=told.get("client-cert"),
        patience={uv: told[name] for name, uv in _PATIENCE.items() if name in told},
    )


def uv(environ: Mapping[str, str], home: Path) -> Told:
    """uv's, as `uv pip install` would have it outside of any project.

    Raises:
        Misconfigured: a file cannot be read; names it.
    """
    tables = [table for file in _uv_files(environ, home) for table in _uv_tables(file)]
    indexes = [index for table in tables for index in table.get("index", []) if not index.get("explicit")]
    flat = [index["url"] for index in indexes if index.get("format") == "flat"]
    simple = [index for index in indexes if index.get("format") != "flat"]
    extra = [_url(each) for each in environ.get("UV_INDEX", "").split()]
    extra += environ.get("UV_EXTRA_INDEX_URL", "").split()
    extra += [index["url"] for index in simple if not index.get("default")]
    links = [each.strip() for each in environ.get("UV_FIND_LINKS", "").split(",") if each.strip()]
    strategies = [table.get("index-strategy") for table in tables]
    return Told(
        default=_uv_default(environ, simple, tables),
        extra=(*extra, *(each for table in tables for each in table.get("extra-index-url", []))),
        find_links=(*links, *flat, *(each for table in tables for each in table.get("find-links", []))),
        no_index=_is_true(environ.get("UV_NO_INDEX")) or any(table.get("no-index") for table in tables),
        certificates=tuple(filter(None, [environ.get("SSL_CERT_FILE")])),
        client=environ.get("SSL_CLIENT_CERT"),
        patience={name: environ[name] for name in _PATIENCE.values() if environ.get(name)},
        strategy=environ.get("UV_INDEX_STRATEGY") or next(filter(None, strategies), None),
    )


def _uv_default(environ: Mapping[str, str], indexes: list[Table], tables: list[Table]) -> str | None:
    marked = [index["url"] for index in indexes if index.get("default")]
    named = [table.get("index-url") for table in tables]
    told = (environ.get("UV_DEFAULT_INDEX"), environ.get("UV_INDEX_URL"), *marked, *named)
    return next((_url(each) for each in told if each), None)


def _pip_files(environ: Mapping[str, str], home: Path, prefix: Path) -> Iterator[Path]:
    """From the weakest to the strongest."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == _NOTHING:
        return
    for folder in reversed(_folders(environ.get("XDG_CONFIG_DIRS") or "/etc/xdg")):
        yield folder / "pip" / "pip.conf"
    yield Path("/etc/pip.conf")
    yield home / ".pip" / "pip.conf"
    yield _own(environ, home) / "pip" / "pip.conf"
    yield prefix / "pip.conf"
    if named:
        yield Path(named)


def _pip_file(file: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text(encoding="utf-8"), source=str(file))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    except (configparser.Error, UnicodeDecodeError) as error:
        raise Misconfigured("cannot read pip's configuration", file=str(file)) from error
    sections = (section for section in ("global", "install") if parser.has_section(section))
    return {_option(name): value for section in sections for name, value in parser.items(section)}


def _option(name: str) -> str:
    return name.lower().replace("_", "-")


def _uv_files(environ: Mapping[str, str], home: Path) -> Iterator[Path]:
    """From the strongest to the weakest."""
    if _is_true(environ.get("UV_NO_CONFIG")):
        return
    if named := environ.get("UV_CONFIG_FILE"):
        yield Path(named)
        return
    yield _own(environ, home) / "uv" / "uv.toml"
    system = [folder / "uv" / "uv.toml" for folder in _folders(environ.get("XDG_CONFIG_DIRS") or "/etc/xdg")]
    yield from [file for file in (*system, Path("/etc/uv/uv.toml")) if file.is_file()][:1]


def _uv_tables(file: Path) -> list[Table]:
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured("cannot read uv's configuration", file=str(file)) from error
    if any("url" not in index for index in told.get("index", [])):
        raise Misconfigured("cannot read uv's configuration: an index without a URL", file=str(file))
    return [told.get("pip", {}), told]


def _own(environ: Mapping[str, str], home: Path) -> Path:
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config")


def _folders(paths: str) -> list[Path]:
    return [Path(each) for each in paths.split(":") if each]


def _url(index: str) -> str:
    """The URL of an index that may be written as NAME=URL."""
    name, separator, url = index.partition("=")
    return url if separator and name.replace("-", "").replace("_", "").isalnum() else index


def _is_true(text: str | None) -> bool:
    return (text or "").strip().lower() in ("1", "true", "yes", "on")
