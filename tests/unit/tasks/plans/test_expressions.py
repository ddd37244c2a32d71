"""`{{ … }}` reads values and formats them, and can do nothing else."""

import pytest

from models.errors import InvalidInput
from tasks.plans.expressions import mistakes, render

NAMES = {
    "inputs": {"path": "src/x.csv", "top": 3, "on": True, "items": ["a", "b"]},
    "steps": {"measure": {"output": {"rows": [1, 2, 3], "ratio": 0.256}}},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("{{ inputs.top }}", 3),
        ("  {{ inputs.on }} ", True),
        ("{{ inputs.items }}", ["a", "b"]),
        ("{{ steps.measure.output.rows }}", [1, 2, 3]),
        ("{{ steps['measure'].output.rows[0] }}", 1),
        ("top {{ inputs.top }} of {{ steps.measure.output.rows | length }}", "top 3 of 3"),
        ("{{ steps.measure.output.ratio | round(1) }}", 0.3),
        ("{{ inputs.missing | default('none') }}", "none"),
        ("{{ inputs.top * 2 + 1 }}", 7),
        ("{{ inputs.items | join('-') | upper }}", "A-B"),
        ("{{ inputs.top > 2 and not inputs.off | default(false) }}", True),
    ],
)
def test_expression_gives_its_value_with_its_type(text: str, value: object) -> None:
    assert render(text, NAMES) == value


def test_values_are_rendered_at_every_depth() -> None:
    assert render({"a": ["{{ inputs.top }}", {"b": "{{ inputs.path }}"}], "c": 5}, NAMES) == {
        "a": [3, {"b": "src/x.csv"}],
        "c": 5,
    }


@pytest.mark.parametrize(
    "text",
    [
        "{{ inputs.nothing }}",
        "{{ unknown.path }}",
        "{{ 1 / 0 }}",
        "{{ inputs.path | int + }}",
        "{% for x in inputs.items %}{{ x }}{% endfor %}",
        "{{ inputs.items.append(1) }}",
        "{{ ''.__class__ }}",
        "{{ inputs.path.__class__.__mro__ }}",
        "{{ inputs.path.format_map }} {{ range(9) }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ inputs.items * 1000000 }}",
        "{{ inputs.path | attr('__class__') }}",
    ],
)
def test_what_an_expression_may_not_do_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        render(text, NAMES)


def test_names_of_an_expression_are_found_with_their_parts() -> None:
    complaint, names = mistakes("{{ steps.measure.output.rows + inputs['top'] }}")
    assert complaint is None
    assert ("steps", "measure", "output", "rows") in names and ("inputs", "top") in names


def test_unknown_filter_is_named_with_those_that_there_are() -> None:
    complaint, _ = mistakes("{{ inputs.path | shout }}")
    assert complaint is not None and "shout" in complaint and "upper" in complaint
