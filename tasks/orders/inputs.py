"""Where a task's input comes from: a folder or file of this host under an allowed root, or an upload.

In a playbook's schema it is the one property with `format: source`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.database import reading
from models.errors import InvalidInput, Problem
from models.workspace import Upload
from settings import Settings
from tasks.plans.plan_fields import PlanFields

UPLOAD = "upload:"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Source:
    """What is copied into the workspace, from `path` on this host, free of links, under the name `name`."""

    path: Path
    name: str

    @property
    def kind(self) -> str:
        """`folder` or `file`, as playbooks read it in `{{ input.kind }}`."""
        return "folder" if self.path.is_dir() else "file"

    @property
    def inside(self) -> str:
        """Its path in the workspace, `{{ input.path }}`."""
        return "src/input" if self.kind == "folder" else f"src/input/{self.name}"


def source_field(plan: PlanFields) -> str | None:
    """The name of the input that is a source, if there is one."""
    fields: dict[str, Any] = plan.inputs.get("properties", {})
    return next((name for name, schema in fields.items() if schema.get("format") == "source"), None)


def find_source(settings: Settings, plan: PlanFields, inputs: dict[str, Any]) -> Source | None:
    """The source that the inputs name; None when the plan wants none or none was given.

    Raises:
        InvalidInput: there is no such upload or folder, or it lies outside the allowed roots.
    """
    field = source_field(plan)
    value = inputs.get(field) if field else None
    if not field or not isinstance(value, str) or not value:
        return None
    return _upload(settings, field, value) if value.startswith(UPLOAD) else _host_path(settings, field, value)


def named_upload(plan: PlanFields, inputs: dict[str, Any]) -> str | None:
    """The id of the upload that is the source, if one is."""
    field = source_field(plan)
    value = inputs.get(field) if field else None
    return value.removeprefix(UPLOAD) if isinstance(value, str) and value.startswith(UPLOAD) else None


def upload_path(settings: Settings, upload_id: str) -> Path:
    """Where the upload's bytes lie."""
    return settings.data_dir / "uploads" / upload_id


def _upload(settings: Settings, field: str, value: str) -> Source:
    upload = _row(value.removeprefix(UPLOAD))
    if upload is None or not upload_path(settings, upload.id).is_file():
        raise _refused(field, "this upload is not here any more; upload the file again")
    return Source(upload_path(settings, upload.id).resolve(), upload.name)


def _row(upload_id: str) -> Upload | None:
    if not _ID.fullmatch(upload_id):
        return None
    with reading() as session:
        return session.get(Upload, upload_id)


def _host_path(settings: Settings, field: str, value: str) -> Source:
    path = Path(value)
    if not path.is_absolute():
        raise _refused(field, "must be an absolute path, or an upload")
    try:
        real = path.resolve()
    except (OSError, ValueError, RuntimeError) as error:
        # Too long, a NUL, or links in a circle.
        raise _refused(field, "cannot be a path") from error
    if not any(real.is_relative_to(root) for root in settings.input_roots):
        roots = ", ".join(map(str, settings.input_roots))
        raise _refused(
            field, f"must lie under an allowed folder ({roots}), which OPSCORE_INPUT_ROOTS names, or be an upload"
        )
    if real.is_relative_to(settings.data_dir.resolve()):
        raise _refused(field, "lies in OpsCore's own data folder, which holds its secrets; name another one")
    if not real.is_dir() and not real.is_file():
        raise _refused(field, "there is no such file or folder on this host")
    return Source(real, real.name)


def _refused(field: str, message: str) -> InvalidInput:
    return InvalidInput("cannot use this input", problems=[Problem(path=f"inputs.{field}", line=None, message=message)])
