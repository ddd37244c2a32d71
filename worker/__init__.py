"""Who runs it: the Celery app, what makes a worker an agent, the reconciler, and the installation.

`celery -A worker worker --agent NAME --complexity 4-7` finds the app here, under the name `celery`.
"""

import sys
from pathlib import Path
from typing import Any

# The program `celery` has the current folder on the path only while it imports this package; what is
# imported later, by a task or below, must be found too.
sys.path.append(str(Path(__file__).resolve().parent.parent))


def __getattr__(name: str) -> Any:
    # Made when asked for: Celery and the tables take seconds to load, and bin/down needs neither.
    if name != "celery":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from worker.app import app

    return app
