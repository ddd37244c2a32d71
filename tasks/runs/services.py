"""What all workers together know of outside services, at work in one call: tools/services.py with the database.

A service that failed again and again is left alone for a while (models/circuit.py); one with a rate, or a tool with
one, is called in turn (models/rate.py).  A database that is away is no reason not to call: the run's own writes
wait for it.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import partial
from typing import TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError

from models import circuit, rate, service_list
from models.circuit import Admitted, Refused
from models.database import reading, writing
from models.errors import NotFound, ServiceUnavailable
from models.rate import Rate, Turn
from models.service_list import Known
from tasks.logs import logger
from tools.contract import Tell
from tools.services import Use, Verdict

PATIENCE = timedelta(seconds=30)
TOLD_FROM = timedelta(seconds=1)
TICK_S = 0.1
LONGEST_NAME = 200
_REFUSED = re.compile(r"cannot call (\S+) now")
_T = TypeVar("_T")
log = logger(__name__)


@dataclass(frozen=True)
class SharedServices:
    """The services as one call of a tool uses them."""

    rates: Mapping[str, str]
    tell: Tell
    is_cancelled: Callable[[], bool]

    def pace(self, name: str, apart: timedelta | None = None) -> None:
        """Wait for the turn that the rate of this tool or service gives, or `apart` where that is slower; at once where
        there is neither.

        Raises:
            ServiceUnavailable: the turn would not come soon.
        """
        slowest = _slowest(written_rate(self.rates, name), apart)
        if slowest is None:
            return
        rate, written = slowest
        turn = unless_away(partial(_turn, name, rate), Turn(timedelta()))
        if turn.retry_after:
            message = f"cannot call {name} now: it is called {written} at most, and too many wait"
            raise ServiceUnavailable(message, retry_after_s=round(turn.retry_after.total_seconds(), 3))
        if turn.wait >= TOLD_FROM:
            self.tell("call.delayed", service=name, wait_s=round(turn.wait.total_seconds(), 1), rate=written)
        self._wait(turn.wait)

    @contextmanager
    def using(self, name: str, apart: timedelta | None = None) -> Iterator[Use]:
        """See `Services`."""
        name = name[:LONGEST_NAME]
        self.pace(name, apart)
        call, use = self._admitted(name), Use()
        try:
            yield use
        except BaseException as error:
            use.broke(error)
            raise
        finally:
            self._note(name, call, use)

    def _admitted(self, name: str) -> Admitted:
        otherwise: Admitted | Refused = Admitted()
        found = unless_away(partial(_ask, name), otherwise)
        if isinstance(found, Refused):
            message = f"cannot call {name} now: it failed again and again, and is left alone for a while"
            after_s = round(found.retry_after.total_seconds(), 3)
            raise ServiceUnavailable(message, last_error=found.last_error, retry_after_s=after_s)
        return found

    def _note(self, name: str, call: Admitted, use: Use) -> None:
        match use.verdict:
            case Verdict.WELL:
                if unless_away(partial(_note_well, name, call), otherwise=False):
                    self.tell("service.closed", service=name)
            case Verdict.WRONG:
                rest = unless_away(partial(_note_wrong, name, call, use.reason), None)
                if rest is not None:
                    self.tell("service.opened", service=name, for_s=rest.total_seconds(), error=use.reason)
            case Verdict.UNKNOWN if call.trial is not None:
                unless_away(partial(_note_nothing, name, call), None)

    def _wait(self, wait: timedelta) -> None:
        until = time.monotonic() + wait.total_seconds()
        # Who was cancelled goes on to the tool, which sees that by itself and ends as it does.
        while (left := until - time.monotonic()) > 0 and not self.is_cancelled():
            time.sleep(min(TICK_S, left))


def reset(name: str) -> Known:
    """Have a service called again, whatever it did before; somebody knows that it is back.

    Raises:
        NotFound: nothing is known of such a service.
    """
    with writing() as session:
        is_there = circuit.reset(session, name)
    with reading() as session:
        found = service_list.one(session, name)
    if not is_there or found is None:
        raise NotFound("cannot find the service: nothing is known of it", service=name)
    return found


def written_rate(rates: Mapping[str, str], name: str) -> str | None:
    """The rate that the settings give this name: its own, or that of the longest pattern it fits."""
    fitting = [pattern for pattern in rates if fnmatchcase(name, pattern)]
    return rates.get(name) or (rates[max(fitting, key=len)] if fitting else None)


def _slowest(written: str | None, apart: timedelta | None) -> tuple[Rate, str] | None:
    """The rate that keeps both, and how people write it."""
    known = [(Rate.read(written), written)] if written else []
    if apart:
        known.append((Rate(1 / apart.total_seconds()), f"once in {apart.total_seconds():g} s"))
    return min(known, key=lambda each: each[0].per_s, default=None)


def _turn(name: str, taken: Rate) -> Turn:
    with writing() as session:
        return rate.take(session, name, taken, PATIENCE)


def _ask(name: str) -> Admitted | Refused:
    for _ in range(3):
        with reading() as session:
            found = circuit.look(session, name)
        if found is not None:
            return found
        with writing() as session:
            if (trial := circuit.try_it(session, name)) is not None:
                return trial
    return Refused(timedelta(seconds=1), "others try it at this moment")


def _note_well(name: str, call: Admitted) -> bool:
    with reading() as session:
        if not circuit.is_worth_telling(session, name, call):
            return False
    with writing() as session:
        return circuit.went_well(session, name, call)


def _note_wrong(name: str, call: Admitted, reason: str) -> timedelta | None:
    with writing() as session:
        return circuit.went_wrong(session, name, call, reason)


def _note_nothing(name: str, call: Admitted) -> None:
    with writing() as session:
        circuit.knows_nothing(session, name, call)


def unless_away(work: Callable[[], _T], otherwise: _T) -> _T:
    """What the database answers; where it is away, said in the log, `otherwise`."""
    try:
        return work()
    except (OperationalError, InterfaceError) as error:
        log.warning("services.not_asked", error=str(error.orig))
        return otherwise


def refusal_in(message: str) -> tuple[str, bool]:
    """Which service the message of a `ServiceUnavailable` is about, and whether too many calls wait for it."""
    found = _REFUSED.search(message)
    return (found[1] if found else "The service that it needs"), "too many wait" in message
