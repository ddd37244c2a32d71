"""What a round meets does not end the reconciler: nobody else would do what it does."""

import threading

import pytest
from sqlalchemy.exc import OperationalError

from worker.lead import RoundCut
from worker.reconciler import Reconciler, _one


class Refused(Reconciler):
    """A reconciler whose rounds end with this error."""

    def __init__(self, error: Exception) -> None:
        super().__init__(threading.Event())
        self.error = error

    def round(self) -> None:  # type: ignore[override]
        raise self.error


@pytest.mark.parametrize(
    "error", [OperationalError("SELECT 1", {}, Exception("away")), OSError(28, "No space left on device"), RoundCut()]
)
def test_round_that_is_cut_or_refused_leaves_the_rest_to_the_next(error: Exception) -> None:
    _one(Refused(error))


def test_mistake_of_ours_ends_it_loudly() -> None:
    with pytest.raises(KeyError):
        _one(Refused(KeyError("task")))
