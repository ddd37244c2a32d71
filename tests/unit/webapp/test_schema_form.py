"""A form is made from a schema, and what was sent becomes inputs or comes back as it was."""

from typing import Any

from webapp import schema_form

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["table", "rows"],
    "properties": {
        "table": {"type": "string", "format": "source", "title": "Folder or archive"},
        "rows": {"type": "integer", "minimum": 3, "maximum": 50, "default": 12},
        "share": {"type": "number"},
        "encoding": {"enum": ["detect", "utf-8"], "default": "detect"},
        "charts": {"type": "boolean", "default": True},
        "names": {"type": "array", "items": {"type": "string"}},
        "more": {"type": "object"},
        "note": {"type": "string", "maxLength": 2000},
    },
}


def fields(**values: Any) -> dict[str, schema_form.Field]:
    return {each.name: each for each in schema_form.fields_of(SCHEMA, values)}


def test_each_kind_of_schema_gets_its_field() -> None:
    kinds = {name: each.kind for name, each in fields().items()}
    assert kinds == {
        "table": "source", "rows": "whole", "share": "decimal", "encoding": "choice",
        "charts": "switch", "names": "lines", "more": "json", "note": "long",
    }  # fmt: skip


def test_fields_stand_in_the_schemas_order_with_its_defaults() -> None:
    made = fields()
    assert list(made) == list(SCHEMA["properties"])
    assert (made["rows"].shown, made["encoding"].value, made["charts"].value) == ("12", "detect", True)
    assert made["note"].title == "Note"


def test_what_was_sent_becomes_typed_inputs() -> None:
    sent = {
        "in.table": " upload:1 ", "in.rows": "7", "in.share": "0.5", "in.encoding": "utf-8",
        "in.names": "anna\n\n ben \n", "in.more": '{"a": 1}', "in.note": "one\r\ntwo",
    }  # fmt: skip
    assert schema_form.inputs_of(list(fields().values()), sent) == {
        "table": "upload:1", "rows": 7, "share": 0.5, "encoding": "utf-8", "charts": False,
        "names": ["anna", "ben"], "more": {"a": 1}, "note": "one\ntwo",
    }  # fmt: skip


def test_a_value_that_does_not_fit_stays_as_it_was_typed() -> None:
    sent = {"in.rows": "many", "in.more": "{not json"}
    inputs = schema_form.inputs_of(list(fields().values()), sent)
    assert (inputs["rows"], inputs["more"]) == ("many", "{not json")
    assert fields(**inputs)["rows"].shown == "many"


def test_an_empty_field_is_no_input() -> None:
    assert "note" not in schema_form.inputs_of(list(fields().values()), {"in.note": "  "})


def test_each_problem_stands_at_its_field_with_the_cure() -> None:
    made = fields(rows="many")
    problems = [
        {"path": "inputs.table", "message": "is missing"},
        {"path": "inputs.rows", "message": "'many' is not of type 'integer'"},
        {"path": "inputs.names.0", "message": "is too long"},
    ]
    schema_form.show_problems(list(made.values()), problems)  # type: ignore[arg-type]
    assert made["table"].problem == "Choose a file, or name a path on this machine."
    assert made["rows"].problem == "“many” is not a whole number."
    assert made["names"].problem == "Is too long"
    assert made["note"].problem == ""


def test_a_number_out_of_range_is_told_the_bound() -> None:
    made = fields(rows=2)
    schema_form.show_problems([made["rows"]], [{"path": "inputs.rows", "message": "2 is less than the minimum of 3"}])
    assert made["rows"].problem == "It must be 3 or more."
