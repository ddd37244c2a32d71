"""Which index an installer uses when nobody configured one: pip says so in its own source, and nothing here does.

pip's module of constants names the index and the host that its files lie on.  It is read from whichever pip
there is, installed or in the bundle that comes with Python, and run by itself: importing pip would set up its logging.
"""

import importlib.util
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from models.errors import Misconfigured

_CONSTANTS = "pip/_internal/models/index.py"


def url() -> str:
    """The index.

    Raises:
        Misconfigured: there is no pip to ask.
    """
    constants = _constants()
    if constants is None:
        raise Misconfigured(
            "cannot tell which index to install from: none is configured, and there is no pip to ask",
            cure="configure an index for pip or uv, or install pip beside OpsCore",
        )
    return str(constants.PyPI.simple_url)


def files_hosts(hosts: set[str]) -> set[str]:
    """Where the files of these hosts' indexes lie, as far as pip knows them."""
    known = {urlsplit(each.url).hostname: each.file_storage_domain for each in _indexes()}
    return {known[name] for name in hosts if name in known}


def _indexes() -> list[Any]:
    constants = _constants()
    if constants is None:
        return []
    return [each for each in vars(constants).values() if isinstance(each, constants.PackageIndex)]


@cache
def _constants() -> ModuleType | None:
    source = next(_sources(), None)
    if source is None:
        return None
    module = ModuleType("pip_constants")
    exec(compile(source, _CONSTANTS, "exec"), vars(module))  # noqa: S102  (of the pip that is installed here)
    return module


def _sources() -> Iterator[bytes]:
    if (pip := importlib.util.find_spec("pip")) and pip.origin:
        yield Path(pip.origin).parents[1].joinpath(_CONSTANTS).read_bytes()
    if (bundle := importlib.util.find_spec("ensurepip")) and bundle.origin:
        for wheel in sorted(Path(bundle.origin).parent.joinpath("_bundled").glob("pip-*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                yield archive.read(_CONSTANTS)
