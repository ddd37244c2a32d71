"""Who asks, and what they may do: the one place that says yes.

Nothing is allowed unless PERMISSIONS names it.  The API asks here for every call; until accounts arrive the
holder of the token and the person who signed in may do the same things, inside their own tenant.
"""

import hmac
from dataclasses import dataclass
from typing import Any

from models.errors import Forbidden
from models.scope import DEFAULT_TENANT

PERMISSIONS = frozenset(
    {
        "agent:change",
        "agent:read",
        "budget:change",
        "budget:read",
        "event:read",
        "file:read",
        "playbook:check",
        "provider:change",
        "provider:read",
        "retention:change",
        "retention:read",
        "schedule:change",
        "schedule:read",
        "search:read",
        "system:stop",
        "queue:change",
        "queue:read",
        "service:change",
        "service:read",
        "task:control",
        "task:read",
        "task:submit",
        "template:read",
        "upload:create",
    }
)


@dataclass(frozen=True)
class Asker:
    """Somebody who proved who they are: `name` is a row's author, `kind:name`."""

    name: str
    tenant: str = DEFAULT_TENANT


def may(user: Asker | None, permission: str, subject: Any = None) -> bool:
    """Whether the user may do this to the subject (a row of theirs; None for no row in particular)."""
    if user is None or permission not in PERMISSIONS:
        return False
    return subject is None or getattr(subject, "tenant", None) == user.tenant


def require(user: Asker | None, permission: str, subject: Any = None) -> None:
    """Return only when `may` says yes.

    Raises:
        Forbidden: it says no.
    """
    if not may(user, permission, subject):
        raise Forbidden("cannot do this: it is not yours to do", permission=permission)


def is_token(given: str, token: str) -> bool:
    """Whether the given text is the token; takes the same time wherever they differ."""
    return hmac.compare_digest(given.encode(), token.encode())
