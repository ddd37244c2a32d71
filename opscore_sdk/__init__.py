"""The Python client of OpsCore's API.

    from opscore_sdk import OpsCoreClient

    with OpsCoreClient("http://127.0.0.1:8000", token) as client:
        task = client.submit(template="survey-code-base", inputs={"source": "/srv/code"})
        for event in client.follow(task.id):
            print(event.number, event.kind)

It imports nothing of OpsCore's own.  Start with client.py; answers: models.py; errors: exceptions.py.
"""

from opscore_sdk.client import OpsCoreClient
from opscore_sdk.exceptions import (
    ApiError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    OpsCoreError,
    ServerFailed,
    Unauthorized,
    Unreachable,
)
from opscore_sdk.families import Family, FamilyProgress, Message
from opscore_sdk.models import (
    Agent,
    Approval,
    Asked,
    BulkProgress,
    Emergency,
    Event,
    File,
    Firing,
    Output,
    Page,
    Problem,
    Queue,
    Schedule,
    Search,
    SearchPage,
    Service,
    Step,
    Task,
    Template,
    Upload,
)

__all__ = [
    "Agent",
    "ApiError",
    "Approval",
    "Asked",
    "BulkProgress",
    "Conflict",
    "Emergency",
    "Event",
    "Family",
    "FamilyProgress",
    "File",
    "Firing",
    "Forbidden",
    "InvalidRequest",
    "Message",
    "NotFound",
    "OpsCoreClient",
    "OpsCoreError",
    "Output",
    "Page",
    "Problem",
    "Queue",
    "Schedule",
    "Search",
    "SearchPage",
    "ServerFailed",
    "Service",
    "Step",
    "Task",
    "Template",
    "Unauthorized",
    "Unreachable",
    "Upload",
]
