"""Limits in a form: a task's when it is handed in, an agent's on its page.  Drawn by templates/parts/limit_fields.html.

What is wrong with a limit is said by tools/limits.py; here is only what was typed.
"""

from collections.abc import Mapping

from tools.limits import BY_NAME

PREFIX = "limit."


def sent(form: Mapping[str, str]) -> dict[str, str]:
    """What stands in each field, empty ones too: taking a limit away is leaving its field empty."""
    return {name: form[PREFIX + name].strip() for name in BY_NAME if PREFIX + name in form}


def begun(message: str) -> str:
    """A problem's message as the beginning of a sentence."""
    return message[:1].upper() + message[1:]


def as_typed(values: Mapping[str, float]) -> dict[str, str]:
    """Limits of a row as somebody would type them."""
    return {name: BY_NAME[name].shown(value) for name, value in values.items() if name in BY_NAME}
