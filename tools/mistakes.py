"""What is wrong with a value in our words, in place of those of the libraries that found it out.

Used wherever mistakes become problems: the API, plans, orders, the tools' arguments.
"""

import json
from typing import Any

_OF_KIND = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "list_type": "must be a list",
    "dict_type": "must be an object with named values",
    "model_type": "must be an object with named values",
    "model_attributes_type": "must be an object with named values",
    "uuid_parsing": "must be an id, such as those that addresses end with",
    "json_invalid": "must be JSON",
}
_IN_WORDS = (
    ("Value error, ", ""),
    ("Assertion failed, ", ""),
    ("Input should be a valid ", "must be a "),
    ("Input should be ", "must be "),
    ("String should ", "must "),
    ("List should ", "must "),
    ("Dictionary should ", "must "),
    ("Value should ", "must "),
)


def said(kind: str, message: str) -> str:
    """The mistake as people read it, to stand behind the field's name: `is missing`, `must be a number`."""
    if kind in _OF_KIND:
        return _OF_KIND[kind]
    for theirs, ours in _IN_WORDS:
        if message.startswith(theirs):
            return ours + message[len(theirs) :]
    return message[:1].lower() + message[1:]


def of_error(error: Any) -> str:
    """The same of one of a ValidationError's `errors()`."""
    return said(str(error["type"]), str(error["msg"]))


def of_json(error: json.JSONDecodeError) -> str:
    """Where a text stops being JSON."""
    return f"look at line {error.lineno}, column {error.colno}: a comma, quote or bracket is wrong there"
