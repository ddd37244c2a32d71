"""How a script of a template ends: one JSON line when it worked, one `error:` line when it did not.

The run engine reads the last line of standard output (its keys become the step's output) and
shows the `error:` line of standard error as the reason why a task failed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any


class BadInput(Exception):
    """What was given cannot be worked on; the text says what is wrong, where, and the cure."""


def run(main: Callable[[], dict[str, Any]]) -> None:
    """Run `main`, print its result as one JSON line; end with exit code 1 on a known problem."""
    try:
        result = main()
    except BadInput as problem:
        sys.exit(f"error: {problem}")
    except OSError as problem:
        sys.exit(f"error: cannot read or write {problem.filename or 'a file'}: {problem.strerror or problem}")
    except MemoryError:
        sys.exit("error: the input needs more memory than this step may use; give a smaller one")
    print(json.dumps(result), flush=True)
