"""Logs: one event a line, readable or as JSON, with the ids of what it is about, secrets masked.

`bind(task=…, run=…)` puts ids on every later line of this thread of work.  Files and their
rotation belong to whoever starts the process; a process writes to its standard error.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.contextvars import bound_contextvars

from settings import Settings
from tasks.masking import MASK, SECRET_NAME, Masks
from tools.terminal_text import harmless

bind = bound_contextvars

_MASKS = Masks()


def logger(name: str) -> Any:
    """A logger whose calls name an event and its values: `log.info("task.claimed", task=id)`."""
    return structlog.stdlib.get_logger(name)


def configure(settings: Settings, role: str, stream: TextIO = sys.stderr) -> None:
    """Send this process's logs, libraries' too, through one formatter to the stream."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: Any = structlog.dev.ConsoleRenderer(colors=stream.isatty())
    if settings.log_format == "json":
        last = structlog.processors.JSONRenderer()
    structlog.configure(
        # First, so that a line that is not wanted costs nothing.
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                # After the traceback has become text: an error's message may hold an address with a password.
                _mask,
                _neutral,
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    structlog.contextvars.bind_contextvars(role=role)


def _neutral(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Whoever looks at a log does so in a terminal, which must not obey what a program or a stranger wrote.

    What is no text is written as `repr` or JSON write it, who escape the same characters.
    """
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = harmless(value).replace("\r", "")
    return event


def _mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        event[name] = MASK if value and SECRET_NAME.search(name) else _MASKS.value(value)
    return event
