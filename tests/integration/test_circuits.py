"""The circuit and the rate of an outside service, as workers share them through its row."""

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete, select, update

from models import circuit, rate, scope
from models.circuit import FIRST_REST, LONGEST_REST, OPENS_AFTER, TRIAL, Admitted, Refused
from models.columns import database_now
from models.database import reading, writing
from models.event import Event
from models.rate import Rate
from models.service import Service

NAME = "web:example.org"
SECOND = timedelta(seconds=1)


def pass_time(by: timedelta, name: str = NAME) -> None:
    """What the row's times become when this much time goes by."""
    with writing() as session:
        row = session.scalars(select(Service).where(Service.name == name)).one_or_none()
        for column in ("open_until", "trial_until", "refilled_at") if row else ():
            if (at := getattr(row, column)) is not None:
                setattr(row, column, at - by)


def ask() -> Admitted | Refused:
    with writing() as session:
        return circuit.look(session, NAME) or circuit.try_it(session, NAME) or Refused(SECOND, "")


def fail(call: Admitted, error: str = "no answer") -> timedelta | None:
    with writing() as session:
        return circuit.went_wrong(session, NAME, call, error)


def succeed(call: Admitted) -> bool:
    with writing() as session:
        return circuit.went_well(session, NAME, call)


def admitted() -> Admitted:
    found = ask()
    assert isinstance(found, Admitted), found
    return found


def opened() -> None:
    """Open the circuit."""
    rests = [fail(admitted()) for _ in range(OPENS_AFTER)]
    assert rests == [*[None] * (OPENS_AFTER - 1), FIRST_REST]


def row() -> Service:
    with reading() as session:
        return session.scalars(select(Service).where(Service.name == NAME)).one()


def told() -> list[tuple[str, dict[str, Any]]]:
    with reading() as session:
        found = session.scalars(select(Event).where(Event.subject_id == row().id).order_by(Event.number))
        return [(each.kind, each.data) for each in found]


def test_service_that_failed_five_times_in_a_row_is_left_alone(app: Flask) -> None:
    opened()
    refused = ask()
    assert isinstance(refused, Refused)
    assert timedelta() < refused.retry_after <= FIRST_REST
    assert refused.last_error == "no answer"
    assert told() == [("service.opened", {"failures": 5, "for_s": 30.0, "error": "no answer"})]


def test_call_that_goes_well_begins_the_count_anew(app: Flask) -> None:
    for _ in range(OPENS_AFTER - 1):
        fail(admitted())
    succeed(admitted())
    for _ in range(OPENS_AFTER - 1):
        fail(admitted())
    assert isinstance(ask(), Admitted)


def test_one_call_tries_it_and_the_others_wait_for_what_it_finds(app: Flask) -> None:
    opened()
    pass_time(FIRST_REST + SECOND)
    trial = admitted()
    assert trial.trial is not None
    other = ask()
    assert isinstance(other, Refused)
    assert timedelta() < other.retry_after <= TRIAL
    assert succeed(trial)
    assert admitted().trial is None
    assert told()[-1] == ("service.closed", {"by": "trial"})


def test_each_trial_that_fails_doubles_the_rest_up_to_ten_minutes(app: Flask) -> None:
    opened()
    rests = []
    for _ in range(6):
        pass_time(LONGEST_REST + SECOND)
        rests.append(fail(admitted()))
    assert [rest.total_seconds() for rest in rests if rest] == [60, 120, 240, 480, 600, 600]


def test_trial_whose_worker_died_is_followed_by_another_and_says_nothing_any_more(app: Flask) -> None:
    opened()
    pass_time(FIRST_REST + SECOND)
    dead = admitted()
    pass_time(TRIAL + SECOND)
    second = admitted()
    assert second.trial not in (None, dead.trial)
    assert fail(dead) is None
    assert not succeed(dead)
    assert row().open_until is not None
    assert succeed(second)


def test_trial_that_showed_nothing_is_given_back(app: Flask) -> None:
    opened()
    pass_time(FIRST_REST + SECOND)
    trial = admitted()
    with writing() as session:
        circuit.knows_nothing(session, NAME, trial)
    assert admitted().trial is not None


def test_calls_that_were_under_way_when_it_opened_change_nothing(app: Flask) -> None:
    late = [admitted() for _ in range(20)]
    opened()
    assert {fail(call) for call in late} == {None}
    assert not succeed(late[0])
    assert row().failures == OPENS_AFTER
    assert isinstance(ask(), Refused)


def test_person_closes_it_at_once(app: Flask) -> None:
    opened()
    with writing() as session:
        assert circuit.reset(session, NAME)
        assert not circuit.reset(session, "web:example.com")
    assert admitted().trial is None
    assert told()[-1] == ("service.reset", {"by": "person:alice"})


def test_of_many_workers_that_ask_at_once_one_has_the_trial(app: Flask) -> None:
    opened()
    pass_time(FIRST_REST + SECOND)
    found: list[Admitted | Refused] = []
    at_once = Barrier(6)

    def worker() -> None:
        with app.app_context(), scope.acting("agent:scout"):
            at_once.wait()
            found.append(ask())

    threads = [Thread(target=worker) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [isinstance(each, Admitted) for each in found].count(True) == 1


class Calls(RuleBasedStateMachine):
    """Calls that begin, end and are lost, beside a model of what the circuit must say."""

    @initialize()
    def _begin(self) -> None:
        with writing() as session:
            session.execute(delete(Service).where(Service.name == NAME))
        self.failures, self.open_for, self.trial = 0, None, None
        self.under_way: list[Admitted] = []

    @rule()
    def call(self) -> None:
        found = ask()
        if self.open_for is None:
            assert found == Admitted()
        elif self.open_for > 0 or self.trial is not None:
            assert isinstance(found, Refused)
            assert timedelta() < found.retry_after <= max(LONGEST_REST, TRIAL)
        else:
            assert isinstance(found, Admitted)
            assert found.trial is not None
            self.trial = (found, TRIAL.total_seconds())
        if isinstance(found, Admitted):
            self.under_way.append(found)

    @rule(data=st.data(), is_well=st.booleans())
    def end(self, data: st.DataObject, is_well: bool) -> None:
        if not self.under_way:
            return
        call = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        is_trial = self.trial is not None and self.trial[0] is call
        counts = is_trial or (call.trial is None and self.open_for is None)
        if is_well:
            assert succeed(call) == is_trial
            if counts:
                self.failures, self.open_for, self.trial = 0, None, None
            return
        rest = fail(call)
        if counts:
            self.failures, self.trial = self.failures + 1, None
            if self.failures >= OPENS_AFTER:
                self.open_for = min(600, 30 * 2 ** (self.failures - OPENS_AFTER))
        assert (rest.total_seconds() if rest else None) == (self.open_for if counts else None)

    @rule(seconds=st.sampled_from([7, 25, 47, 95, 700]))
    def wait(self, seconds: int) -> None:
        pass_time(timedelta(seconds=seconds))
        if self.open_for is not None:
            self.open_for -= seconds
        if self.trial is not None:
            left = self.trial[1] - seconds
            self.trial = (self.trial[0], left) if left > 0 else None

    @rule()
    def lose_all(self) -> None:
        self.under_way.clear()

    @invariant()
    def is_never_stuck(self) -> None:
        with reading() as session:
            found = circuit.look(session, NAME)
        assert not isinstance(found, Refused) or found.retry_after <= max(LONGEST_REST, TRIAL)


def test_circuit_does_what_its_model_says(app: Flask) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Calls,
        settings=effort(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_service_that_nobody_needed_for_a_month_is_forgotten_with_its_history(app: Flask) -> None:
    opened()
    old = row().id
    with writing() as session:
        month_ago = database_now(timedelta(days=-31))
        session.execute(update(Service).where(Service.name == NAME).values(failed_at=month_ago))
    for name in ("web:one.example", "web:two.example"):
        with writing() as session:
            circuit.went_wrong(session, name, Admitted(), "no answer")
    with reading() as session:
        assert set(session.scalars(select(Service.name))) == {"web:one.example", "web:two.example"}
        assert session.scalars(select(Event).where(Event.subject_id == old)).all() == []


PATIENCE = timedelta(seconds=30)


def turn(written: str, patience: timedelta = PATIENCE) -> rate.Turn:
    with writing() as session:
        return rate.take(session, NAME, Rate.read(written), patience)


def test_calls_beyond_the_rate_wait_each_for_its_turn(app: Flask) -> None:
    waits = [turn("0.1/s", timedelta(minutes=2)).wait.total_seconds() for _ in range(4)]
    assert waits == pytest.approx([0, 10, 20, 30], abs=2)


def test_as_many_as_the_rate_says_for_a_second_are_made_at_once(app: Flask) -> None:
    turns = [turn("3/s") for _ in range(3)]
    assert {each.wait for each in turns} == {timedelta()}


def test_call_that_would_wait_too_long_is_refused_and_uses_nothing_up(app: Flask) -> None:
    waits = [turn("6/min").wait.total_seconds() for _ in range(4)]
    assert waits == pytest.approx([0, 10, 20, 30], abs=2)
    refused = [turn("6/min") for _ in range(5)]
    assert all(timedelta() < each.retry_after <= 11 * SECOND for each in refused)
    pass_time(refused[-1].retry_after + 0.01 * SECOND)
    assert turn("6/min").retry_after == timedelta()


def test_rate_that_nobody_used_fills_up_to_one_seconds_worth(app: Flask) -> None:
    for _ in range(3):
        turn("3/min")
    pass_time(timedelta(hours=1))
    assert [turn("3/min").wait.total_seconds() for _ in range(2)] == pytest.approx([0, 20], abs=2)


def test_workers_together_keep_the_rate(app: Flask) -> None:
    waits: list[float] = []

    def worker() -> None:
        with app.app_context(), scope.acting("agent:scout"):
            for _ in range(5):
                waits.append(turn("0.5/s", timedelta(minutes=5)).wait.total_seconds())

    threads = [Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Twenty turns, two seconds apart; those who came later wait a little less.
    assert sorted(waits) == pytest.approx([2.0 * n for n in range(20)], abs=10)
    assert max(waits) > 25


def test_clock_set_back_takes_nothing_away(app: Flask) -> None:
    turn("10/s")
    with writing() as session:
        later = database_now(timedelta(hours=1))
        session.execute(update(Service).where(Service.name == NAME).values(refilled_at=later))
    assert turn("10/s").wait == timedelta()
