"""The schedule of kills follows from the seed alone, hits everything, and spares what the supervisor would give up."""

from itertools import accumulate, islice

import pytest

from worker.chaos.schedule import KILLS_A_MINUTE, LONGEST_S, SHORTEST_S, Kill, Target, schedule, targets_of
from worker.command_line.chaos import TARGETS
from worker.installation.child import GIVE_UP_AFTER, GIVE_UP_WITHIN_S

SEEDS = range(30)
KEPT_ALIVE = (Target.RECONCILER, Target.WEB, Target.BROKER)


def five_minutes(seed: int, database: str = "postgresql") -> list[tuple[float, Kill]]:
    """Each kill with its time."""
    kills = list(islice(schedule(seed, targets_of(database)), 500))
    times = accumulate(kill.pause_s for kill in kills)
    return [(at, kill) for at, kill in zip(times, kills, strict=True) if at < 300]


def test_a_seed_repeats_its_kills_and_another_has_others() -> None:
    assert five_minutes(7) == five_minutes(7)
    assert five_minutes(7) != five_minutes(8)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_first_kills_hit_every_target(database: str) -> None:
    for seed in SEEDS:
        targets = targets_of(database)
        first = islice(schedule(seed, targets), len(targets) + 2)
        assert {kill.target for kill in first} | {Target.CHILD} == set(targets)


def test_sqlite_has_no_server_to_kill() -> None:
    assert Target.DATABASE not in targets_of("sqlite")


def test_there_is_a_kill_every_one_to_four_seconds_and_enough_of_them() -> None:
    for seed in SEEDS:
        kills = five_minutes(seed)
        assert all(SHORTEST_S <= kill.pause_s <= LONGEST_S for _, kill in kills)
        assert len(kills) > KILLS_A_MINUTE * 5


def test_no_role_is_killed_so_often_that_the_supervisor_gives_it_up() -> None:
    for seed in SEEDS:
        kills = five_minutes(seed)
        for target in KEPT_ALIVE:
            times = [at for at, kill in kills if kill.target is target]
            for began in times:
                assert sum(began <= at < began + GIVE_UP_WITHIN_S for at in times) < GIVE_UP_AFTER


def test_a_stopped_child_is_not_ended_by_its_supervisor_before_its_lease() -> None:
    for seed in SEEDS:
        for at, stopped in five_minutes(seed)[20:]:
            if stopped.target is Target.STOPPED:
                near = [kill for time, kill in five_minutes(seed) if at < time < at + 10]
                assert Target.SUPERVISOR not in {kill.target for kill in near}


def test_the_command_line_knows_every_target() -> None:
    assert set(TARGETS) == {target.value for target in Target}
