"""What a promised file must pass before its task may complete: one module here for each check, with a `problems`.

A model plan names it (`promises: [{path: output/report.md, check: citations}]`).  Who asks: the engine of model plans,
which hands the problems back to the model.  Adding a check is adding a file.
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from functools import cache

from models.errors import NotFound
from tools.research.pages import FetchedPage
from tools.workspace import Workspace

Check = Callable[[Workspace, Sequence[FetchedPage], str], list[str]]
"""problems(workspace, fetched, path): what is wrong with the file at `path`, each a sentence that says how to mend it;
none when it is good.  `fetched` are the pages that the task and its family fetched, newest first, as the research
tools know them."""


def find(name: str) -> Check:
    """The check of that name.

    Raises:
        NotFound: there is none; the details list those that there are.
    """
    if name not in names():
        raise NotFound("cannot find the check", check=name, known=list(names()))
    check: Check = importlib.import_module(f"{__name__}.{name}").problems
    return check


@cache
def names() -> tuple[str, ...]:
    """Those that there are."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
