"""Who asks for it: pages for people, a JSON API for programs.

`create_app` puts the parts together.  Pages: pages/ (one file each, found by pages/__init__.py), their looks:
templates/ and static/.  The API: api/.  Who may see them: gate.py, security.py.
"""

from datetime import timedelta

from flask import Flask

import settings as every_setting
from models import database
from settings import Settings
from webapp import api, gate, hearing, pages, problems, security, words


def create_app(settings: Settings | None = None) -> Flask:
    """The web application; without settings those of the environment."""
    told = settings or every_setting.load()
    app = api.new_app("webapp")
    app.config.update(
        OPSCORE=told,
        SECRET_KEY=told.session_key,
        # Cookies know no ports: two installations on one host must not sign each other out.
        SESSION_COOKIE_NAME=f"opscore_{told.port}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=told.url.startswith("https://"),
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
        # Static files carry an ETag; a browser asks each time, so an update is never half seen.
        SEND_FILE_MAX_AGE_DEFAULT=0,
        MAX_FORM_MEMORY_SIZE=2 * 2**20,
    )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True, "finalize": words.neutral}
    database.connect(app, told)
    security.protect(app)
    gate.guard(app)
    words.teach(app)
    problems.answer(app)
    pages.register(app)
    api.register(app)
    hearing.end_with_process()
    return app
