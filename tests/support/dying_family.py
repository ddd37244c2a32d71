"""Work on a family in processes that are cut off, each at the point and pass that is named for it.

    python -m tests.support.dying_family family.after_commit=kill@1 step.after_call=kill@2 …

Each process is forked and works until its end or SIGKILL, then the next takes its place, as in dying.py.  Each is told
the same until one has died of it, on a slow machine a later one; then others follow until no task is open.  Prints
for each that died what it was told, and its exit code.
"""

import sys

import settings
from models import scope
from models.database import bare_app
from tasks.family import ends
from tasks.reconcile import requeue_lost
from tests.support.dying import SIGKILLED, count, fork_one

MOST_PROCESSES = 200


def main() -> None:
    ahead = sys.argv[1:]
    with bare_app(settings.load()).app_context(), scope.wide("system:dying"):
        for _ in range(MOST_PROCESSES):
            if not count("open"):
                return
            code = fork_one(ahead[0] if ahead else "")
            if ahead and code == SIGKILLED:
                print(ahead.pop(0), code, flush=True)
            requeue_lost()
            ends.go_on()
    sys.exit("it never ended")


if __name__ == "__main__":
    main()
