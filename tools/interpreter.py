"""The Python that the agents' environment stands on: the one that runs us, without its packages.

Inside the sandbox it is seen at the path it has on the host, read-only: an interpreter may have that path
compiled in.  Below /usr it is there anyway.
"""

import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from models.errors import Misconfigured


@dataclass(frozen=True)
class Interpreter:
    """`executable` is a real file, not a link of a virtual environment; `prefix` is its installation."""

    prefix: Path
    executable: Path

    @property
    def is_in_usr(self) -> bool:
        return self.prefix.is_relative_to("/usr")


@cache
def base() -> Interpreter:
    """The interpreter below our virtual environment.

    Raises:
        Misconfigured: it is installed across a home folder, which the sandbox must not show.
    """
    prefix = Path(sys.base_prefix).resolve()
    executable = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    home = Path.home()
    if prefix in (home, *home.parents):
        raise Misconfigured("cannot show this Python to agents: its folder holds a home", prefix=str(prefix))
    return Interpreter(prefix, executable)
