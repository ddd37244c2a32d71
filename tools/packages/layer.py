"""Show a task's packages to its calls: over the shared environment, below the task's own modules."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache as remembered
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

from models.errors import NotFound
from tools import environment, interpreter
from tools.contract import Context
from tools.packages import cache, lock
from tools.packages.cache import LIB
from tools.packages.lock import Lock, Locked
from tools.sandbox.contract import Inside, Word

Variables = Mapping[str, Word | tuple[Word, ...]]

SCRIPTS = f"{LIB}/bin"
_SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
_DIST_INFO = re.compile(r"(.+)-([^-]+)\.dist-info")


@contextmanager
def of_task(context: Context) -> Iterator[Path | None]:
    """The folder of the task's packages, kept while the block runs; None where it asked for none.

    Raises:
        NotFound: `packages.txt` names what this host does not have; says what to do.
        InvalidInput: `packages.txt` is damaged.
        Forbidden: a package in it is not allowed any more.
    """
    wanted = lock.read(context.workspace)
    if wanted is None:
        yield None
        return
    if context.packages is None:
        raise _missing()
    context.packages.check(each.name for each in own(wanted, context.tool_env))
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(cache.using(context.packages.folder, digest(wanted, context.tool_env)))
        except NotFound as error:
            raise _missing() from error
        yield folder


def over(env: Variables, tool_env: Path | None) -> Variables:
    """The variables with the packages in them."""
    modules = env.get("PYTHONPATH", ())
    first: tuple[Word, ...] = modules if isinstance(modules, tuple) else (modules,)
    shared: tuple[Word, ...] = (Inside("tools", "bin"),) if tool_env else ()
    path: tuple[Word, ...] = (Inside("packages", SCRIPTS), *shared, *_SYSTEM_PATH)
    return {**env, "PYTHONPATH": (*first, Inside("packages", LIB)), "PATH": path}


def scripts(folder: Path) -> frozenset[str]:
    """Names of the programs that come with the task's packages."""
    place = folder / SCRIPTS
    return frozenset(each.name for each in place.iterdir()) if place.is_dir() else frozenset()


def own(wanted: Lock, tool_env: Path) -> list[Locked]:
    """What the task has besides the shared environment: that holds the rest in the very same version."""
    shared = in_shared(tool_env)
    return [each for each in wanted.packages if shared.get(each.name) != each.version]


def digest(wanted: Lock, tool_env: Path) -> str:
    """The name of the environment: made of the packages, of what is left to the shared one, and of the Python."""
    return wanted.digest(python(), *(each.name for each in own(wanted, tool_env)))


def in_shared(tool_env: Path) -> dict[str, str]:
    """Versions in the shared environment, by name; nothing where it is not built."""
    if not environment.is_ready(tool_env):
        return {}
    found = (_DIST_INFO.fullmatch(each.name) for each in environment.modules(tool_env).iterdir())
    return {canonicalize_name(match[1]): str(Version(match[2])) for match in found if match}


@remembered
def python() -> str:
    """Which Python packages are installed for, and where."""
    base = interpreter.base()
    return f"{sys.implementation.cache_tag} {sys.version} {base.executable} {os.uname().machine}"


def python_for_people() -> str:
    """The same in a few words."""
    return f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor} on {os.uname().machine}"


def _missing() -> NotFound:
    return NotFound(
        f"cannot find the packages that {lock.FILE} names: they are not installed on this host",
        cure="call python.install without packages to install exactly these, or delete the file",
    )
