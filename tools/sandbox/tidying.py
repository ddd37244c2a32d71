"""What a keeper becomes when its worker was killed: python -m tools.sandbox.tidying.  See keeper.py."""

import time

from tools.sandbox.leftovers import end_leftovers

_PAUSES_S = (0.0, 0.3, 0.7)
"""A sandbox may be in the middle of being made when its worker is killed."""


def main() -> None:
    """Look now and a little later."""
    for pause in _PAUSES_S:
        time.sleep(pause)
        end_leftovers()


if __name__ == "__main__":
    main()
