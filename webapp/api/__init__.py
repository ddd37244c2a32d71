"""The JSON API, for programs: a module for each kind of thing, all under /v1.

What goes in and out: shapes.py.  Who may call: gate.py.  Errors: problems.py.  The OpenAPI document and the
page at /docs: reference.py.  Each module has a blueprint called `part`; a new file here is a new part.
"""

import importlib
import pkgutil
from functools import cache

from flask import Flask
from flask_openapi import APIBlueprint, OpenAPI

from webapp.api import gate, problems, reference


def new_app(name: str) -> OpenAPI:
    """A Flask application that gathers the OpenAPI document of the API that `register` gives it."""
    app = OpenAPI(
        name,
        info=reference.INFO,
        security_schemes=reference.SECURITY,
        doc_ui=False,
        validation_error_callback=problems.of_validation,
        validation_error_model=problems.ProblemDocument,
    )
    app.openapi_version = "3.1.0"
    return app


def register(app: Flask) -> None:
    """Give the app, made by `new_app`, the API and its reference."""
    if not isinstance(app, OpenAPI):
        raise TypeError("the application must be made by webapp.api.new_app")
    app.register_blueprint(reference.page)
    for part in parts():
        app.register_api(part)


@cache
def parts() -> tuple[APIBlueprint, ...]:
    """The blueprints of this package's modules, with the gate in front of each."""
    modules = (importlib.import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__))
    found = [part for module in modules if isinstance(part := getattr(module, "part", None), APIBlueprint)]
    for part in found:
        gate.guard(part)
    return tuple(found)
