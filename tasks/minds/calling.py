"""One answer of a model as a step: reserved before, settled with what it came to, from the first model that answers.

Which models there are: tasks/providers/choice.py.  The request itself: asking.py.  What an answer used is counted in
the transaction that keeps it; a call that was cut off stays reserved, and is counted as spent by whoever comes next.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

import settings
from models.errors import BudgetExceeded, Conflict, InvalidInput, PriceUnknown, ServiceUnavailable
from models.secret import Unreadable
from models.step import MODEL_CALL, StepState
from tasks.minds import asking, record
from tasks.minds.asking import Answer
from tasks.minds.failures import CutOff, NoAnswer
from tasks.minds.mind import Mind
from tasks.minds.offer import FINISH
from tasks.minds.record import Turn
from tasks.plans.playbook import PlannedStep
from tasks.providers import choice as model_choice
from tasks.providers.choice import Candidate
from tasks.runs.calls import OutputStream
from tasks.runs.outcome import StepOutcome, clean, of_error
from tasks.runs.services import SharedServices
from tasks.runs.steps import Begun, StepFailed, begin, obey, settle, stop_if_cut
from tasks.spending import budgets
from tasks.spending.budgets import NOTHING, Reservation, usage_told
from tools import triggers

REFUSED, FILTERED, UNAVAILABLE = "model_refused", "content_filtered", "model_unavailable"
Rows = Callable[[Session], object]


@dataclass(frozen=True)
class Tried:
    """A model that did not answer, and why."""

    model: str
    reason: str
    is_transient: bool
    code: str = UNAVAILABLE
    retry_after_s: float | None = None


def answer(mind: Mind) -> Turn:
    """The next answer, kept.

    Raises:
        StepFailed: no model answered, one refused, or a budget has no room.
        Halted: somebody wants the run to end.
        Misconfigured: there is no model to ask.
    """
    run, number = mind.run, len(mind.turns) + 1
    key, title = f"m{number}", f"Answer {number}"
    obey(run)
    candidates = model_choice.candidates(mind.plan.models, mind.model_of_agent, mind.complexity)
    planned = PlannedStep(name=key, title=title, stage=mind.stage, tool=MODEL_CALL)
    told = {"answers": len(mind.turns), "tools": [each.tool for each in mind.offer.all]}
    begun = begin(run, planned, key, title, told, run.earlier.get(key), limits=mind.limits())
    run.ledger.settle()
    triggers.at("step.after_start")
    outcome, said, rows = _first(mind, begun, candidates)
    triggers.at("step.after_call")
    stop_if_cut(run, begun, outcome)
    outcome.snapshot_before = outcome.snapshot = run.place.snapshot
    triggers.at("step.before_finish")
    run.ledger.finish_step(begun.step_id, key, title, outcome, rows)
    if said is None or outcome.state is StepState.FAILED:
        raise StepFailed(planned, key, title, outcome, begun.attempt)
    settle(run)
    return _turn(mind, number, begun, said, outcome)


def _first(mind: Mind, begun: Begun, candidates: list[Candidate]) -> tuple[StepOutcome, Answer | None, Rows | None]:
    """What the first model says that says something; what of it is to be written, and what besides."""
    tried: list[Tried] = []
    for candidate in candidates:
        if tried:
            _tell(
                mind, begun, "model.fell_back", {"from": tried[-1].model, "to": candidate.name, "why": tried[-1].reason}
            )
        try:
            return _one(mind, begun, candidate)
        except CutOff:
            return StepOutcome(state=StepState.FAILED, error_code="cut_off", error_message="was cut off"), None, None
        except NoAnswer as none:
            tried.append(Tried(candidate.name, none.reason, none.is_transient, retry_after_s=none.retry_after_s))
        except ServiceUnavailable as error:
            wait = error.details.get("retry_after_s")
            tried.append(Tried(candidate.name, error.message, is_transient=True, code=error.code, retry_after_s=wait))
        except (PriceUnknown, Unreadable) as error:
            tried.append(Tried(candidate.name, error.message, is_transient=False, code=error.code))
        except BudgetExceeded as error:
            return of_error(error), None, None
    return _none(tried), None, None


def _one(mind: Mind, begun: Begun, candidate: Candidate) -> tuple[StepOutcome, Answer, Rows]:
    run, since = mind.run, time.monotonic()
    candidate = model_choice.opened(candidate)
    run.pulse.cut = None
    tell = partial(_tell, mind, begun)
    services = SharedServices(settings.load().rates, lambda kind, **told: tell(kind, told), run.pulse.cuts)
    estimate = mind.estimate(candidate.name)
    with services.using(candidate.service) as use:
        if run.pulse.cuts():
            raise CutOff
        reserved = run.ledger.patiently(lambda: budgets.reserve(run.ledger.claim, begun.key, candidate, estimate))
        triggers.at("model.before_call")
        try:
            said = _asked(mind, begun, candidate, reserved)
        except NoAnswer as none:
            if none.is_transient:
                use.went_wrong(none.reason)
            if none.is_free:
                run.ledger.patiently(partial(_give_back, reserved))
            raise
    triggers.at("model.after_call")
    usage = usage_told(said.input_tokens, said.output_tokens)
    outcome = _outcome(said)
    outcome.usage = _usage(mind, candidate, reserved, said)
    outcome.resources = {"wall_s": round(time.monotonic() - since, 3)}
    return outcome, said, lambda session: budgets.settle(session, reserved, usage)


def _give_back(reserved: Reservation) -> None:
    with suppress(Conflict):  # an earlier try of this, whose answer was lost, did it
        budgets.settle_alone(reserved, NOTHING)


def _asked(mind: Mind, begun: Begun, candidate: Candidate, reserved: Reservation) -> Answer:
    """The model's answer, seen as it comes by whoever watches."""
    run, within_s = mind.run, begun.limits.limits.wall_s
    if reserved.wall_left_s is not None:
        within_s = min(within_s, reserved.wall_left_s)
    output = OutputStream(run.task.id, begun.step_id)

    def is_cut() -> bool:
        output.flush_if_due()
        return run.pulse.cuts()

    def emit(text: str) -> None:
        output.emit("stdout", clean(text).encode())

    try:
        return asking.ask(candidate, mind.messages(candidate), mind.tools, within_s, emit, is_cut)
    except NoAnswer as none:
        emit(f"\n… {none.reason} …\n")
        raise
    finally:
        output.flush()


def _outcome(said: Answer) -> StepOutcome:
    words = clean(_words(said))
    kept = StepOutcome(state=StepState.SUCCEEDED, stdout=words, output=clean({**record.kept(said), "text": words}))
    if said.refusal:
        kept.error_code, kept.error_message = REFUSED, clean(f"the model refused: {said.refusal}")
    elif said.finish_reason == "content_filter":
        kept.error_code, kept.error_message = FILTERED, "the provider's content filter stopped the answer"
    if kept.error_code:
        kept.state = StepState.FAILED
    return kept


def _words(said: Answer) -> str:
    """What people read of the answer: its text, and of its last call what it says at the end."""
    for call in said.calls:
        with suppress(InvalidInput):
            if call.name.replace("_", ".") == FINISH and (summary := record.arguments_of(call).get("summary")):
                return f"{said.text}\n\n{summary}".strip()
    return said.text


def _usage(mind: Mind, candidate: Candidate, reserved: Reservation, said: Answer) -> dict[str, Any]:
    usage = usage_told(said.input_tokens, said.output_tokens)
    return {
        "model": candidate.name,
        "provider": candidate.provider,
        "prompt": mind.opening.prompt.told,
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "cost": reserved.cost_of(usage) if usage else reserved.cost,
    }


def _turn(mind: Mind, number: int, begun: Begun, said: Answer, outcome: StepOutcome) -> Turn:
    kept, usage = outcome.output, outcome.usage
    calls = [record.Called(**call) for call in kept["calls"]]
    about = (number, begun.step_id, mind.epoch, outcome.stdout, calls, said.finish_reason, kept["message"])
    return Turn(*about, usage["model"], usage["input_tokens"] or 0, usage["output_tokens"] or 0)


def _none(tried: list[Tried]) -> StepOutcome:
    """The step that no model answered."""
    codes = {each.code for each in tried}
    # Those that were not even asked are named by their reasons.
    said = "; ".join(f"{each.model} {each.reason}" if each.code == UNAVAILABLE else each.reason for each in tried)
    failed = StepOutcome(state=StepState.FAILED, error_message=clean(f"no model answered: {said}"))
    failed.error_code = codes.pop() if len(codes) == 1 else UNAVAILABLE
    failed.is_transient = any(each.is_transient for each in tried)
    waits = [each.retry_after_s for each in tried if each.is_transient]
    # Where one of them may answer at once, nobody has to wait.
    failed.retry_after_s = None if None in waits else min((each for each in waits if each is not None), default=None)
    return failed


def _tell(mind: Mind, begun: Begun, kind: str, told: dict[str, Any]) -> None:
    mind.run.ledger.told_in_step(begun.step_id, begun.key, [(kind, clean(told))])
