"""The tightest limit wins, whoever set it is remembered, and what is said names the value and the cure."""

import pytest

import settings
from models.errors import InvalidInput
from tools import limits
from tools.contract import GIB, MIB, Limits
from tools.limits import KINDS, Effective
from tools.registry import find

INSTALLATION = {"memory": 2 * GIB, "wall": 600}


def memory(*levels: tuple[str, float]) -> limits.Limit:
    return _all(*levels).of("memory_bytes")


def _all(*levels: tuple[str, float]) -> Effective:
    return limits.tightest([("installation", INSTALLATION), *((who, {"memory": most}) for who, most in levels)])  # type: ignore[list-item]


def test_the_tightest_level_wins_and_is_named() -> None:
    found = memory(("template", 512 * MIB), ("agent", GIB), ("task", 768 * MIB))
    assert (found.value, found.set_by) == (512 * MIB, ("template",))


@pytest.mark.parametrize("level", ["tool", "template", "step", "agent", "task"])
def test_a_higher_value_at_any_level_never_loosens(level: str) -> None:
    assert memory((level, 64 * GIB)).value == 2 * GIB
    assert memory((level, 64 * GIB)).set_by == ("installation",)


def test_levels_that_agree_are_all_named_since_raising_one_would_change_nothing() -> None:
    found = memory(("template", 512 * MIB), ("task", 512 * MIB))
    assert found.reached == (
        "Memory limit reached: 512 MiB, set by the template and the task; raise limits.memory in the playbook"
        " and hand the task in again with a higher limit memory"
    )


def test_installation_is_raised_by_its_setting() -> None:
    for kind in KINDS:
        limit = limits.tightest([("installation", limits.defaults())]).of(kind.field)
        assert f"raise {kind.setting}" in limit.reached
        assert kind.setting.removeprefix("OPSCORE_").lower() in settings.Settings.model_fields


def test_settings_begin_with_what_a_call_has_without_any() -> None:
    assert {kind.name: settings.Settings.model_fields[f"step_{kind.field}"].default for kind in KINDS} == (
        limits.defaults()
    )


def test_every_field_of_limits_has_a_kind() -> None:
    assert set(limits.BY_FIELD) == set(vars(Limits()))


def test_least_of_a_kind_is_the_least_that_its_setting_takes() -> None:
    for kind in KINDS:
        (least,) = settings.Settings.model_fields[f"step_{kind.field}"].metadata
        assert least.ge == kind.least


def test_tool_that_leaves_a_limit_alone_leaves_it_to_the_installation() -> None:
    tool = find("terminal.run")
    assert limits.of_tool(tool) == {}
    found = limits.tightest([("installation", {"wall": 3600}), ("tool", limits.of_tool(tool))])
    assert found.limits.wall_s == 3600


def test_call_is_handed_all_limits() -> None:
    assert _all(("task", 64 * MIB)).limits == Limits(memory_bytes=64 * MIB)


def test_row_keeps_each_limit_and_who_set_it() -> None:
    row = _all(("agent", 64 * MIB)).as_dict()
    assert row["memory"] == {"value": 64 * MIB, "set_by": ["agent"]}
    assert limits.kept(row) == _all(("agent", 64 * MIB)).all


def test_limits_are_read_as_people_write_them() -> None:
    assert limits.read({"memory": "512 MiB", "wall": "5 min", "processes": 32, "cpu": None, "output": " "}) == {
        "memory": 512 * MIB,
        "wall": 300,
        "processes": 32,
    }


def test_every_mistake_names_its_field_and_the_cure() -> None:
    with pytest.raises(InvalidInput) as caught:
        limits.read({"memory": "lots", "ram": 1, "wall": 0, "processes": "2"}, "playbook.limits")
    told = {problem["path"]: problem["message"] for problem in caught.value.problems}
    assert told == {
        "playbook.limits.memory": "“lots” is no size: write a size such as 512 MiB or 1.5 GB, or a number of bytes",
        "playbook.limits.ram": "there is no limit ram; there are wall, cpu, memory, processes, file_size, files, "
        "workspace, written, output, network",
        "playbook.limits.wall": "is too low to run anything: 100 ms or more",
        "playbook.limits.processes": "is too low to run anything: 8 or more",
    }


def test_time_out_of_a_command_line_is_said_as_such() -> None:
    limit = limits.tightest([("option", {"wall": 5})]).of("wall_s")
    assert limit.reached == "Stopped after 5 s: the time-out (--timeout) was reached"
