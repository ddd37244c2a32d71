"""Which packages this installation lets its tasks have, and how long it keeps them.

Set by a person (settings.py); applied to what was asked and again to what that was resolved to.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from packaging.utils import canonicalize_name

from models.errors import Forbidden
from tools.contract import GIB


@dataclass(frozen=True)
class Rules:
    """Names count in any spelling.  `allow` empty means any; `deny` wins over it."""

    folder: Path
    """Where environments are kept: this host's own, shared by its workers."""
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    from_source: tuple[str, ...] = ()
    """What may be built from source where no wheel fits."""
    hosts: tuple[str, ...] = ()
    """Further hosts that the installer may reach: a name, or host:port for one whose address is not global."""
    keep_bytes: int = 10 * GIB
    keep_for: timedelta = field(default=timedelta(days=30))

    def check(self, names: Iterable[str]) -> None:
        """Refuse what may not be had.

        Raises:
            Forbidden: lists every such name, and the setting.
        """
        wanted = {canonicalize_name(name) for name in names}
        if denied := sorted(wanted & _canonical(self.deny)):
            raise Forbidden("cannot install: on the deny list", packages=denied, setting="OPSCORE_PACKAGES_DENY")
        if self.allow and (unknown := sorted(wanted - _canonical(self.allow))):
            raise Forbidden(
                "cannot install: not on the allow-list, which counts for what a package needs as well",
                packages=unknown,
                setting="OPSCORE_PACKAGES_ALLOW",
            )

    def check_sources(self, names: Iterable[str]) -> None:
        """Refuse what may not be built from source.

        Raises:
            Forbidden: lists every such name, and the way out.
        """
        if unapproved := sorted(set(names) - _canonical(self.from_source)):
            raise Forbidden(
                "cannot install: there is no wheel that fits, and a person has not approved to build from source",
                packages=unapproved,
                setting="OPSCORE_PACKAGES_FROM_SOURCE",
                cure="ask for a version that has a wheel, or have a person add the name to the setting",
            )


def _canonical(names: Iterable[str]) -> set[str]:
    return {canonicalize_name(name) for name in names}
