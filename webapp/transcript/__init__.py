"""A whole run as one file to keep or to hand on: HTML that needs nothing beside it, or Markdown.

record.py (what is told)  →  blocks.py (neutral parts, secrets masked)  →  markdown.py, templates/transcript.html
"""

from flask import Response, current_app, render_template

from models.database import db
from models.errors import NotFound
from models.task import Task
from tasks import masking
from tasks.providers import records as providers
from webapp.downloads import only_to_save
from webapp.transcript import markdown, record
from webapp.transcript.blocks import Block, masked

MEDIA_TYPES = {"html": "text/html", "md": "text/markdown"}


def exported(task: Task, form: str) -> Response:
    """The transcript as something to keep, as `html` or `md`.

    Raises:
        NotFound: there is no such form.
    """
    if form not in MEDIA_TYPES:
        raise NotFound("cannot export a transcript in this form", form=form, known=sorted(MEDIA_TYPES))
    text = as_html(task) if form == "html" else as_markdown(task)
    return only_to_save(Response(text, mimetype=MEDIA_TYPES[form]), f"task-{task.id}.{form}")


def as_html(task: Task) -> str:
    """A page that loads nothing."""
    title, blocks = _told(task)
    return render_template("transcript.html", title=title, blocks=blocks)


def as_markdown(task: Task) -> str:
    """The same as text."""
    title, blocks = _told(task)
    return markdown.text(title, blocks)


def _told(task: Task) -> tuple[str, list[Block]]:
    masks = masking.of_installation(current_app.config["OPSCORE"], providers.credentials())
    return masks.text(task.title), masked(record.of(db.session(), task, masks), masks)
