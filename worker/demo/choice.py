"""Which answer of a script a conversation gets, with what it quotes of it filled in.

It depends on the conversation, never on how many requests came before: a run that was killed and goes on is
answered as it was.  `times` alone counts, and only requests with the very same messages.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from worker.demo.conversation import Conversation
from worker.demo.script import Answer, Play, Script, ToolCall, When

Given = Callable[[str], int]
"""How often the answer of that place was given to the very same conversation."""


@dataclass(frozen=True)
class Chosen:
    """An answer, and where in the script it stands ("turns[2]", or its name)."""

    answer: Answer
    place: str
    about: str = ""
    error: str = ""
    """Why the script could not be played, where it could not."""


def choose(script: Script, talk: Conversation, given: Given) -> Chosen:
    """The first answer that fits, rules before turns."""
    play, found = _play(script, talk.prompt)
    for place, answer in _candidates(play, talk.turn):
        known = answer.name or place
        if _fits(answer.when, talk) and (answer.times is None or given(known) < answer.times):
            return Chosen(_filled(answer, talk, found), known, play.about)
    message = f"cannot answer turn {talk.turn}: the script has no answer for it; give its last turn `endless: true`"
    return Chosen(Answer(status=400, message=message), "nothing", play.about)


def _play(script: Script, prompt: str) -> tuple[Play, re.Match[str] | None]:
    for play in script.conversations:
        if found := re.search(play.about, prompt):
            return play, found
    return script, None


def _candidates(play: Play, turn: int) -> Iterator[tuple[str, Answer]]:
    for number, rule in enumerate(play.rules):
        yield f"rules[{number}]", rule
    last = len(play.turns) - 1
    is_over = turn > last
    for number, answer in enumerate(play.turns[min(turn, last)] if play.turns else []):
        if answer.endless or not is_over:
            yield f"turns[{min(turn, last)}]" + (f"[{number}]" if number else ""), answer


def _fits(when: When, talk: Conversation) -> bool:
    models = [when.model] if isinstance(when.model, str) else when.model
    return (
        (models is None or talk.model in models)
        and (when.turn is None or talk.turn == when.turn)
        and (when.prompt is None or when.prompt in talk.prompt)
        and (when.result is None or when.result in talk.last_result)
        and (when.results is None or talk.results == when.results)
        and (when.offers is None or talk.offers(when.offers) is not None)
    )


def _filled(answer: Answer, talk: Conversation, found: re.Match[str] | None) -> Answer:
    """The answer with `${turn}`, `${request}`, `${result}`, `${found}` and the groups of `about` (`${1}`) filled in."""
    known = {"turn": str(talk.turn), "request": talk.request, "result": talk.last_result}
    known["found"] = _found(answer.find, talk.last_result)
    for number, group in enumerate(found.groups() if found else (), 1):
        known[str(number)] = group or ""
    calls = [
        ToolCall(name=_name(each.name, talk), arguments=_fill(each.arguments, known))
        for each in answer.tool_calls
        if not each.if_offered or talk.offers(each.name)
    ]
    return answer.model_copy(update={"text": _fill(answer.text, known), "tool_calls": calls})


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text) if pattern else None
    return (found[1] if found.groups() else found[0]) or "" if found else ""


def _name(tool: str, talk: Conversation) -> str:
    # A tool that is not offered is called all the same: models do that.
    return talk.offers(tool) or tool.replace(".", "_")


def _fill(value: Any, known: dict[str, str]) -> Any:
    match value:
        case str():
            return re.sub(r"\$\{(\w+)\}", lambda found: known.get(found[1], found[0]), value)
        case dict():
            return {name: _fill(each, known) for name, each in value.items()}
        case list():
            return [_fill(each, known) for each in value]
    return value
