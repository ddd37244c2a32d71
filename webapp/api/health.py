"""Health: whether this installation can take and show tasks.  For load balancers and bin/up: no token, no secret."""

from collections import Counter
from dataclasses import dataclass

import redis
from flask import Response, current_app
from flask_openapi import APIBlueprint, Tag
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from models.agent import SILENT_AFTER, Worker
from models.columns import now
from models.database import db
from models.leadership import RECONCILER, is_led
from models.queue import EVERY, Queue
from models.scope import wide
from settings import VERSION
from tasks.logs import logger
from webapp.api.reference import sent
from webapp.api.shapes import Health, SandboxShape

TIMEOUT_S = 1.0
log = logger(__name__)
part = APIBlueprint("health", __name__, abp_tags=[Tag(name="Health")])


@dataclass(frozen=True)
class _Standing:
    workers: list[Worker]
    """Those that were heard of lately."""
    is_led: bool
    is_stopped: bool


@part.get("/health", operation_id="health", responses={"200": Health, "503": Health})
def health() -> Response:
    """Say how this installation is.

    200 while the database answers, else 503. Without the broker, or without a reconciler that leads, the status is
    `degraded`: tasks are taken and shown; without the one they begin once it is back, without the other no lost task
    is given back and nothing starts at its time. An emergency stop is told beside that.
    """
    standing = _standing()
    workers = standing.workers if standing else None
    broker = _broker()
    is_up, is_led = standing is not None, standing is not None and standing.is_led
    tiers = Counter((worker.sandbox.get("tier", 4), worker.sandbox.get("name", "none")) for worker in workers or [])
    sandboxes = [SandboxShape(tier=tier, name=name, workers=count) for (tier, name), count in sorted(tiers.items())]
    answer = Health(
        status="down" if not is_up else "ok" if broker and is_led else "degraded",
        version=VERSION,
        database="ok" if is_up else "down",
        broker="ok" if broker else "down",
        reconciler="ok" if is_led else "down",
        is_stopped=standing is not None and standing.is_stopped,
        agents=len(workers or []),
        sandbox=sandboxes[-1].name if sandboxes else "unknown",
        sandboxes=sandboxes,
    )
    return sent(answer, 200 if is_up else 503)


def _standing() -> _Standing | None:
    """What the rows say; None when the database does not answer."""
    heard = select(Worker).where(Worker.stopped_at.is_(None), Worker.last_seen_at > now() - SILENT_AFTER)
    stopped = select(Queue.name).where(Queue.name == EVERY, Queue.paused_at.is_not(None))
    try:
        with wide("system:health"):
            workers = list(db.session.scalars(heard))
            return _Standing(workers, is_led(db.session(), RECONCILER), db.session.scalar(stopped) is not None)
    except SQLAlchemyError as error:
        log.error("health.no_database", error=str(error))
        return None


def _broker() -> bool:
    url = current_app.config["OPSCORE"].redis
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S) as client:
            return bool(client.ping())
    except (RedisError, OSError) as error:
        log.warning("health.no_broker", error=str(error))
        return False
