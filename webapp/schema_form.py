"""A form made from the JSON Schema of a playbook's inputs, and the inputs made from what was sent.

Nothing is refused here: a value that does not fit stays as it was typed, `tasks.plans.playbook.check_inputs` says what
is wrong with it, and the form shows both.  The fields are drawn by templates/parts/field.html.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from models.errors import Problem

Kind = Literal["source", "choice", "switch", "whole", "decimal", "long", "lines", "json", "text"]

PREFIX = "in."
LONG_TEXT = 200
MAY_BE_NONE = "x-may-be-none"


@dataclass
class Field:
    """One input of the form; `value` is what stands in it, `problem` what is wrong with that."""

    name: str
    kind: Kind
    title: str
    hint: str = ""
    is_required: bool = False
    may_be_none: bool = False
    value: Any = None
    choices: list[Any] = field(default_factory=list)
    minimum: float | None = None
    maximum: float | None = None
    problem: str = ""

    @property
    def key(self) -> str:
        """Its name in the form."""
        return f"{PREFIX}{self.name}"

    @property
    def shown(self) -> str:
        """The value as the text that stands in the field."""
        if self.value is None:
            return ""
        if self.kind == "lines" and isinstance(self.value, list):
            return "\n".join(map(str, self.value))
        if self.kind == "json" and not _reads_as_it_stands(self.value):
            return json.dumps(self.value, ensure_ascii=False)
        return str(self.value)

    @property
    def prefers_host(self) -> bool:
        """Whether a folder of this host is the likelier source than an upload."""
        return "folder" in self.title.lower() and not self.shown.startswith("upload:")


def fields_of(schema: Mapping[str, Any], values: Mapping[str, Any]) -> list[Field]:
    """The form's fields in the schema's order, with these values or the schema's defaults."""
    required = schema.get("required", [])
    return [
        _field(name, plain(each) if isinstance(each, dict) else {}, name in required, values)
        for name, each in schema.get("properties", {}).items()
    ]


def plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The field's schema without the None that it may also be: such a field is one that may be left empty."""
    kinds = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    if len(kinds) != 1 or len(schema["anyOf"]) == 1:
        return dict(schema)
    found = {name: each for name, each in schema.items() if name != "anyOf"} | kinds[0] | {MAY_BE_NONE: True}
    return {name: each for name, each in found.items() if name != "default" or each is not None}


def _reads_as_it_stands(value: Any) -> bool:
    """Whether this is text that is no JSON, as somebody typed it: it is read as what it is."""
    if not isinstance(value, str) or not value.strip():
        return False
    try:
        json.loads(value)
    except ValueError:
        return True
    return False


def _field(name: str, schema: dict[str, Any], is_required: bool, values: Mapping[str, Any]) -> Field:
    return Field(
        name=name,
        kind=_kind(schema),
        title=str(schema.get("title") or name.replace("_", " ").capitalize()),
        hint=str(schema.get("description", "")),
        is_required=is_required,
        may_be_none=bool(schema.get(MAY_BE_NONE)),
        value=values.get(name, schema.get("default")),
        choices=list(schema.get("enum", [])),
        minimum=schema.get("minimum"),
        maximum=schema.get("maximum"),
    )


def _kind(schema: dict[str, Any]) -> Kind:
    if schema.get("format") == "source":
        return "source"
    if "enum" in schema:
        return "choice"
    if schema.get("type") == "string":
        return "long" if schema.get("format") == "text" or schema.get("maxLength", 0) > LONG_TEXT else "text"
    if schema.get("type") == "array":
        return "lines" if schema.get("items", {}).get("type", "string") == "string" else "json"
    plain: dict[Any, Kind] = {"boolean": "switch", "integer": "whole", "number": "decimal"}
    kind = schema.get("type")
    return plain.get(kind, "json") if isinstance(kind, str) else "json"


def inputs_of(fields: Sequence[Field], sent: Mapping[str, str]) -> dict[str, Any]:
    """The inputs that were sent; an empty field is no input, except a switch, which is then off."""
    inputs: dict[str, Any] = {}
    for each in fields:
        text = sent.get(each.key, "")
        if each.kind == "switch":
            inputs[each.name] = bool(text)
        elif text.strip():
            inputs[each.name] = _read(each, text)
    return inputs


def _read(each: Field, text: str) -> Any:
    if each.kind in ("long", "text"):
        return text.replace("\r\n", "\n")
    if each.kind == "source":
        return text.strip()
    if each.kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if each.kind == "choice":
        return next((choice for choice in each.choices if str(choice) == text), text)
    try:
        return {"whole": int, "decimal": float}.get(each.kind, json.loads)(text)
    except ValueError:
        return text


def show_problems(fields: Sequence[Field], problems: Sequence[Problem]) -> None:
    """Put each problem at its field."""
    for each in fields:
        mine = [found for found in problems if _is_of(found["path"], f"inputs.{each.name}")]
        each.problem = _said(each, mine[0]["message"]) if mine else ""


def _is_of(path: str, name: str) -> bool:
    return path == name or path.startswith((f"{name}.", f"{name}["))


def _said(each: Field, message: str) -> str:
    """What is wrong and the cure, for people: a schema's own words are for programs."""
    if message == "is missing":
        return "Choose a file, or name a path on this machine." if each.kind == "source" else "Please fill this in."
    if "is not of type" in message:
        wanted = {"whole": "a whole number", "decimal": "a number", "json": "JSON"}.get(
            each.kind, "another kind of value"
        )
        return f"“{each.shown}” is not {wanted}."
    if each.minimum is not None and "minimum" in message:
        return f"It must be {each.minimum:g} or more."
    if each.maximum is not None and "maximum" in message:
        return f"It must be {each.maximum:g} or less."
    return message[0].upper() + message[1:]
