"""The Procfile's release line: the database brought up to date and the agents' Python made.

python -m worker.installation.release
"""

import os
import sys

import settings
from models.errors import Conflict, Misconfigured
from tools import environment
from worker.installation import lock, schema, stopping


def main() -> None:
    """Do it; under honcho, which would take our end for everybody's, wait to be ended."""
    told = settings.load()
    try:
        with lock.held(told, "release"):
            done = schema.bring_up_to_date(told)
        environment.ensure(told.tool_env)
    except (Conflict, Misconfigured) as error:
        sys.exit(f"error: {error}")
    sentence = f"release: database at {done.after}, agents' Python ready"
    if "HONCHO_PROCESS_NAME" in os.environ:
        stopping.wait_for_it(sentence)
    else:
        print(sentence, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
