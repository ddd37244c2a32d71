"""Retention: for how long ended tasks are kept, what that would delete, and deleting some of it now."""

from typing import Annotated, Any, Literal

from flask import Response
from flask_openapi import APIBlueprint, Tag
from pydantic import Field

from tasks.keeping import retention
from tasks.keeping.retention import Rule
from webapp.api.gate import require
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.schedule_shapes import NothingMore
from webapp.api.shapes import Answer, Question

AT_ONCE = 100
EndState = Literal["succeeded", "failed", "cancelled"]
Keep = Annotated[
    str, Field(description="`90 days`, `12 h`, or `forever`.", min_length=1, max_length=40, examples=["90 days"])
]

part = APIBlueprint(
    "retention_api", __name__, url_prefix="/v1/retention", abp_tags=[Tag(name="Retention")], abp_security=SIGNED_IN
)


class StatePath(Question):
    state: EndState = Field(description="What tasks ended as.")


class RuleChange(Question):
    """For how long to keep tasks from now on."""

    keep: Keep
    export: bool = Field(True, description="Whether what their rows say is written to an archive before.")


class RulePreview(Question):
    keep: Keep


class DueShape(Answer):
    """What a rule would delete now."""

    tasks: int
    is_more: bool = Field(description="Whether there are more tasks than were counted.")
    bytes: int = Field(description="Size of their workspaces' files; their history comes on top.")


class RuleShape(Answer):
    state: EndState
    keep: str
    keep_s: int | None = Field(description="The same in seconds; null is for ever.")
    export: bool
    due: DueShape


class Rules(Answer):
    rules: list[RuleShape]


class Pruned(Answer):
    deleted: int
    is_more: bool = Field(description="Whether more is due; ask again.")


@part.get("", operation_id="showRetention", responses=answers(_200=Rules))
def show_retention() -> Response:
    """Show the rule of each state, and what it would delete now."""
    require("retention:read")
    return sent(Rules(rules=[_shape(rule) for rule in retention.rules()]))


@part.patch("/<state>", operation_id="setRetention", responses=answers(400, 413, 415, _200=RuleShape))
def set_retention(path: StatePath, body: RuleChange) -> Response:
    """Keep tasks that ended in this state for so long, from now on.

    What is due is deleted a few tasks at a time, beginning within seconds.
    """
    require("retention:change")
    return sent(_shape(retention.set_rule(path.state, body.keep, body.export)))


@part.get("/<state>/preview", operation_id="previewRetention", responses=answers(_200=RuleShape))
def preview_retention(path: StatePath, query: RulePreview) -> Response:
    """Show what such a rule would delete now; nothing is changed."""
    require("retention:read")
    return sent(_shape(retention.read(path.state, query.keep)))


@part.post("/prune", operation_id="prune", responses=answers(400, 413, 415, _200=Pruned))
def prune(body: NothingMore) -> Response:
    """Delete some of what is due now, without waiting for the reconciler."""
    require("retention:change")
    deleted = retention.prune_some(AT_ONCE)
    return sent(Pruned(deleted=deleted, is_more=deleted > 0 and any(_due(rule).tasks for rule in retention.rules())))


def _shape(rule: Rule) -> RuleShape:
    about: dict[str, Any] = {"state": rule.state, "keep": rule.keep, "export": rule.export}
    return RuleShape(**about, keep_s=None if rule.keep_s is None else int(rule.keep_s), due=_due(rule))


def _due(rule: Rule) -> DueShape:
    return DueShape.model_validate(retention.preview(rule))
