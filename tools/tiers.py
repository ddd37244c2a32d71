"""What each tier of the sandbox means, in words that pages, the command line and tests share.

Which one a host has is found by running one: sandbox/choice.py.  In full: docs/explanation/sandbox.md.
"""

from dataclasses import dataclass

WITHOUT_NETWORK = 3
"""The tier whose sandboxes have no sockets but pairs, and so no way to a proxy."""
NONE = 4
"""The tier of a host on which nothing isolates."""


@dataclass(frozen=True)
class Meaning:
    """A tier for people: `light` is green, yellow or red."""

    title: str
    light: str
    words: str
    cure: str = ""


_UNKNOWN = Meaning("Sandbox unknown", "yellow", "The worker has not said yet what its host has.")
_MEANINGS = {
    1: Meaning(
        "Full sandbox",
        "green",
        "Commands and code get a system of their own: own processes, no network, nothing to write but the workspace.",
    ),
    2: Meaning(
        "Full sandbox without /proc",
        "green",
        "As tier 1, but the host masks /proc: programs that look there find it empty.",
    ),
    WITHOUT_NETWORK: Meaning(
        "Sandbox without namespaces",
        "yellow",
        "Landlock and seccomp hold commands and code to the workspace. They have no network, not even to themselves, "
        "so nothing can be cloned, and packages come only from an index that is a folder.",
        "Install bubblewrap, and let ordinary users make namespaces, for tier 1.",
    ),
    NONE: Meaning(
        "No sandbox",
        "red",
        "Nothing isolates commands on this host, so every tool that runs commands or code refuses. Nothing is run "
        "without a sandbox; tools that only read and write files still work.",
        "Run bin/opscore doctor on that host: it names what is missing. Then start the worker again.",
    ),
}


def meaning(tier: int | None) -> Meaning:
    """What the tier means."""
    return _MEANINGS.get(tier or 0, _UNKNOWN)
