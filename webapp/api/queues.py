"""Queues and their rules, and the emergency stop of everything."""

from flask import Response
from flask_openapi import APIBlueprint, Tag

from tasks.control import emergency
from tasks.queueing import queues
from webapp.api.control_shapes import (
    EmergencyShape,
    NewStop,
    QueueChange,
    QueuePath,
    Queues,
    QueueShape,
    ReleaseQuery,
)
from webapp.api.gate import require
from webapp.api.reference import SIGNED_IN, answers, sent

part = APIBlueprint("queues_api", __name__, url_prefix="/v1", abp_tags=[Tag(name="Queues")], abp_security=SIGNED_IN)


@part.get("/queues", operation_id="listQueues", responses=answers(_200=Queues))
def list_queues() -> Response:
    """List the queues: what waits, what runs, who serves them, and their rules."""
    require("queue:read")
    return sent(Queues(queues=[QueueShape.model_validate(each) for each in queues.all_queues()]))


@part.get("/queues/<name>", operation_id="showQueue", responses=answers(404, _200=QueueShape))
def show_queue(path: QueuePath) -> Response:
    """Show one queue."""
    require("queue:read")
    return sent(QueueShape.model_validate(queues.one_queue(path.name)))


@part.patch("/queues/<name>", operation_id="changeQueue", responses=answers(400, 404, 413, 415, _200=QueueShape))
def change_queue(path: QueuePath, body: QueueChange) -> Response:
    """Pause or resume a queue, or limit how many of its tasks run at a time."""
    require("queue:change")
    if "max_running" in body.model_fields_set:
        queues.limit(path.name, body.max_running)
    if "is_paused" in body.model_fields_set:
        if body.is_paused:
            queues.pause(path.name, body.reason)
        else:
            queues.resume(path.name)
    return sent(QueueShape.model_validate(queues.one_queue(path.name)))


@part.get("/emergency-stop", operation_id="showEmergencyStop", responses=answers(_200=EmergencyShape))
def show_emergency_stop() -> Response:
    """Show whether the emergency stop holds, and what it holds."""
    require("queue:read")
    return sent(EmergencyShape.model_validate(emergency.standing()))


@part.post("/emergency-stop", operation_id="stopEverything", responses=answers(400, 413, 415, _200=EmergencyShape))
def stop_everything(body: NewStop) -> Response:
    """Take no more tasks, and end every running step now; those tasks are paused.

    Repeat it while `left` is not 0, to stop more of them; the reconciler stops the rest by itself.
    """
    require("system:stop")
    return sent(EmergencyShape.model_validate(emergency.stop(body.reason, body.limit)))


@part.delete("/emergency-stop", operation_id="releaseEverything", responses=answers(_200=EmergencyShape))
def release_everything(query: ReleaseQuery) -> Response:
    """End the emergency stop, and resume the tasks that it has paused, and no others.

    Repeat it while `left` is not 0; the reconciler resumes the rest by itself.
    """
    require("system:stop")
    return sent(EmergencyShape.model_validate(emergency.release(query.limit)))
