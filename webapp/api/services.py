"""Outside services: which are left alone because they failed, and having one called again."""

from datetime import datetime

from flask import Response, current_app
from flask_openapi import APIBlueprint, Tag
from pydantic import Field

from models import service_list
from models.database import db
from models.service_list import Circuit, Known
from tasks.runs import services
from webapp.api.gate import require
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.shapes import Answer, Question

part = APIBlueprint(
    "services_api", __name__, url_prefix="/v1/services", abp_tags=[Tag(name="Services")], abp_security=SIGNED_IN
)


class ServicePath(Question):
    name: str = Field(description="The service, such as `web:example.org`.", max_length=200, pattern=r"^[\x21-\x7e]+$")


class ServiceShape(Answer):
    name: str = Field(description="Its kind and host, such as `git:github.com`; a tool's name where that has a rate.")
    circuit: Circuit = Field(
        description="Whether it is called: `closed` yes, `open` not before open_until, `trying` by one call."
    )
    failures: int = Field(description="In a row.")
    last_error: str | None
    failed_at: datetime | None
    open_until: datetime | None
    rate: str | None = Field(description="How often it is called at most, as the settings say; null: no limit.")


class ServiceList(Answer):
    services: list[ServiceShape]


@part.get("", operation_id="listServices", responses=answers(_200=ServiceList))
def list_services() -> Response:
    """List the outside services that failed lately or have a rate, those that are left alone first."""
    require("service:read")
    return sent(ServiceList(services=[_shape(each) for each in service_list.known(db.session())]))


@part.post("/<name>/reset", operation_id="resetService", responses=answers(400, 404, 413, 415, _200=ServiceShape))
def reset_service(path: ServicePath) -> Response:
    """Have a service called again at once, and forget its failures."""
    require("service:change")
    return sent(_shape(services.reset(path.name)))


def _shape(found: Known) -> ServiceShape:
    columns = {name: value for name, value in vars(found).items() if name in ServiceShape.model_fields}
    return ServiceShape(**columns, rate=services.written_rate(current_app.config["OPSCORE"].rates, found.name))
