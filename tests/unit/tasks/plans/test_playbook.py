"""A playbook's every mistake is named, with its path and line; what is right is shown before it runs."""

import pytest
import yaml

from models.errors import InvalidInput
from tasks.plans.playbook import Playbook, check_inputs, dry_run, parse, problems, with_defaults

GOOD = """
name: count
title: Count the rows
inputs:
  type: object
  required: [path]
  additionalProperties: false
  properties:
    path: {type: string}
    top: {type: integer, minimum: 1, default: 10}
steps:
  - name: look
    stage: design
    tool: files.list
  - stage: build
    tool: files.write
    when: "{{ inputs.top > 3 }}"
    with: {path: "output/{{ inputs.path }}.txt", text: "{{ steps.look.output.entries | length }}"}
"""


def said(text: str) -> dict[str, str]:
    """Path and message of each problem."""
    return {problem["path"]: problem["message"] for problem in problems(text)}


def steps(*lines: str) -> str:
    return "steps:\n" + "".join(f"  - {line}\n" for line in lines)


def test_good_playbook_is_parsed_and_its_steps_are_named() -> None:
    playbook = parse(GOOD)
    assert [step.name for step in playbook.steps] == ["look", "files_write_2"]
    assert playbook.steps[1].title == "Files write 2"
    assert (playbook.complexity, playbook.version) == (3, "1")


def test_json_playbook_is_a_playbook() -> None:
    assert parse('{"steps": [{"stage": "build", "tool": "files.list"}]}').steps[0].tool == "files.list"


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("", "", "must be a mapping"),
        ("- 1", "", "must be a mapping"),
        ("name: x", "steps", "is missing"),
        ("steps: []", "steps", "at least 1 item"),
        (steps("{stage: build, tool: no.tool}"), "steps[0].tool", "there is no tool no.tool; there are"),
        (steps("{tool: files.list}"), "steps[0].stage", "is missing"),
        (steps("{stage: ship, tool: files.list}"), "steps[0].stage", "must be"),
        (steps("{stage: complete, tool: files.list}"), "steps[0].stage", "must be one of"),
        (steps("{stage: test, tool: files.list}", "{stage: build, tool: files.list}"), "steps[1].stage", "goes back"),
        ("limits: {memory: lots}\n" + steps("{stage: build, tool: files.list}"), "limits.memory", "write a size"),
        ("limits: {ram: 1 GiB}\n" + steps("{stage: ship, tool: files.list}"), "limits.ram", "there are wall, cpu"),
        ("limits: 5\n" + steps("{stage: build, tool: files.list}"), "limits", "object"),
        ("retry: {attempts: 0}\n" + steps("{stage: build, tool: files.list}"), "retry.attempts", "1 to 20"),
        ("retry: {tries: 3}\n" + steps("{stage: ship, tool: files.list}"), "retry.tries", "there are attempts, wait"),
        (steps("{stage: build, tool: files.list, retry: {first: soon}}"), "steps[0].retry.first", "90 s"),
        (steps("{stage: ship, tool: files.list, retry: {errors: [oops]}}"), "steps[0].retry.errors", "there is no"),
        (steps("{stage: build, tool: files.list, limits: {wall: 1 mile}}"), "steps[0].limits.wall", "90 s"),
        (steps("{stage: build, tool: files.list, colour: red}"), "steps[0].colour", "is not known here"),
        (steps("{stage: build, tool: files.read, with: {pth: x}}"), "steps[0].with.path", "is missing"),
        (steps("{stage: build, tool: files.list, with: {limit: 0}}"), "steps[0].with.limit", "greater than"),
        (steps("{stage: build, tool: files.list, name: a}", "{stage: build, tool: files.list, name: a}"),
         "steps[1].name", "named a already"),
        (steps("{stage: build, tool: files.list, when: '{{ inputs.x }}'}"), "steps[0].when", "there is no input x"),
        (steps("{stage: build, tool: files.list, when: '{{ steps.later.output }}'}"), "steps[0].when",
         "no earlier step later"),
        (steps("{stage: build, tool: files.list, with: {path: '{{ item }}'}}"), "steps[0].with.path", "`repeat`"),
        (steps("{stage: build, tool: files.list, title: '{{ system() }}'}"), "steps[0].title", "cannot call"),
        ("files: {../x: y}\n" + steps("{stage: build, tool: files.list}"), "files.../x", "plain relative path"),
        ("inputs: {type: string}\n" + steps("{stage: build, tool: files.list}"), "inputs", "type: object"),
        ("inputs: {type: objekt}\n" + steps("{stage: build, tool: files.list}"), "inputs.type", "JSON Schema"),
        ("complexity: 11\n" + steps("{stage: build, tool: files.list}"), "complexity", "less than or equal to 10"),
    ],
)  # fmt: skip
def test_mistake_is_named_at_its_path(text: str, path: str, message: str) -> None:
    found = said(text)
    assert path in found, found
    assert message in found[path]


def test_all_mistakes_are_named_at_once_each_with_its_line() -> None:
    text = "steps:\n  - stage: build\n    tool: no.tool\n  - stage: build\n    tool: files.list\n    when: '{{ x }}'\n"
    assert [(each["path"], each["line"]) for each in problems(text)] == [("steps[0].tool", 3), ("steps[1].when", 6)]
    with pytest.raises(InvalidInput) as refused:
        parse(text)
    assert len(refused.value.problems) == 2


def test_inputs_are_checked_against_the_schema_one_problem_a_field() -> None:
    playbook = parse(GOOD)
    assert check_inputs(playbook, {"path": "a"}) == []
    found = {each["path"]: each["message"] for each in check_inputs(playbook, {"top": 0, "tpo": 1})}
    assert found["inputs.path"] == "is missing"
    assert "minimum" in found["inputs.top"]
    assert "is not an input of this playbook" in found["inputs.tpo"]


def test_defaults_fill_only_what_was_not_given() -> None:
    playbook = parse(GOOD)
    assert with_defaults(playbook, {"path": "a"}) == {"path": "a", "top": 10}
    assert with_defaults(playbook, {"top": 2}) == {"top": 2}


def test_dry_run_shows_known_values_and_leaves_the_others_as_text() -> None:
    look, write = dry_run(parse(GOOD), {"path": "rows"})
    assert (look.key, look.tool, look.arguments) == ("look", "files.list", {})
    assert write.arguments == {"path": "output/rows.txt", "text": "{{ steps.look.output.entries | length }}"}


def test_playbook_survives_being_kept_as_json() -> None:
    playbook = parse(GOOD)
    kept = playbook.model_dump(mode="json", by_alias=True)
    assert Playbook.model_validate(kept) == playbook


@pytest.mark.parametrize(
    "key, cure", [("pattern", "enum"), ("patternProperties", "properties"), ("$ref", "write it out")]
)
def test_schema_that_may_never_be_done_with_is_refused(key: str, cure: str) -> None:
    value = {"x": {"type": "string"}} if key == "patternProperties" else "(a+)+$"
    text = yaml.safe_dump(
        {
            "inputs": {"type": "object", "properties": {"a": {"type": "string", key: value}}},
            "steps": [{"stage": "build", "tool": "files.list"}],
        }
    )
    [problem] = problems(text)
    assert (problem["path"], cure in problem["message"]) == (f"inputs.properties.a.{key}", True)


def test_input_may_be_named_like_a_word_of_json_schema() -> None:
    text = yaml.safe_dump(
        {
            "inputs": {"type": "object", "properties": {"pattern": {"type": "string"}}},
            "steps": [{"stage": "build", "tool": "files.list"}],
        }
    )
    assert problems(text) == []


def test_mistakes_of_form_and_of_tools_are_told_together() -> None:
    found = problems(
        "steps:\n  - {stage: bild, tool: pyton.run}\n  - {stage: test, tool: files.read, with: {pat: x}}\n"
    )
    assert [(each["path"], each["line"]) for each in found] == [
        ("steps[0].stage", 2),
        ("steps[0].tool", 2),
        ("steps[1].with.path", 3),
        ("steps[1].with.pat", 3),
    ]
    assert found[0]["message"] == "must be one of design, build, test, review"


def test_limits_stay_as_they_were_written() -> None:
    playbook = parse("limits: {memory: 512 MiB}\n" + steps("{stage: build, tool: files.list, limits: {wall: 5 min}}"))
    assert (playbook.limits, playbook.steps[0].limits) == ({"memory": "512 MiB"}, {"wall": "5 min"})


def test_mistake_in_a_retry_has_its_line() -> None:
    found = problems("retry:\n  attempts: 3\n  wait: never\n" + steps("{stage: build, tool: files.list}"))
    assert [(each["path"], each["line"]) for each in found] == [("retry.wait", 3)]


def test_mistake_in_limits_has_its_line() -> None:
    found = problems("limits:\n  wall: 5 min\n  memory: lots\n" + steps("{stage: build, tool: files.list}"))
    assert [(each["path"], each["line"]) for each in found] == [("limits.memory", 3)]


def test_dry_run_says_how_often_a_step_is_tried() -> None:
    both = steps("{stage: build, tool: files.list, retry: {attempts: 1}}", "{stage: build, tool: files.list}")
    first, second = dry_run(parse("retry: {attempts: 5, first: 10 s, errors: limit}\n" + both), {})
    assert first.retry_in_words == "1 attempt, first wait 10 s, after limit"
    assert second.retry == {"attempts": 5, "first": 10.0, "errors": ["limit"]}
