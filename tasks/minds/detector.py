"""Whether a model goes round in circles: the same call with the same result, or two of them in turn.

Only what it did since the task was opened last counts: whoever retries it wants it to try.
"""

from collections.abc import Sequence

from tasks.minds.offer import FINISH
from tasks.minds.record import Act

SAME = 3
ROUNDS = 3


def loop_in(acts: Sequence[Act]) -> str | None:
    """What goes round at the end of these, in words; None where nothing does."""
    # What the model has to mend, and its ends, are counted by themselves.
    acts = [act for act in acts if not act.is_bad and act.tool != FINISH]
    digests = [act.digest for act in acts[-2 * ROUNDS :]]
    last = digests[-SAME:]
    if len(last) == SAME and len(set(last)) == 1:
        return f"it called {acts[-1].tool} {SAME} times in a row with the same arguments and the same result"
    if len(digests) == 2 * ROUNDS and len(set(digests)) == 2 and digests == digests[:2] * ROUNDS:
        return f"it called {acts[-2].tool} and {acts[-1].tool} in turn, {ROUNDS} times, with the same results"
    return None
