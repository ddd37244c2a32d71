"""Attacks on the sandbox, a module for each kind; attack.py says how one is written."""

from types import ModuleType

from tests.security.attacks import (
    allow_list,
    archives,
    files,
    kernel,
    neighbours,
    network,
    packages,
    processes,
    proxy,
    resources,
    secrets,
    terminal_output,
)
from tests.security.attacks.attack import Attack

KINDS = (
    files,
    resources,
    network,
    proxy,
    processes,
    kernel,
    allow_list,
    packages,
    archives,
    terminal_output,
    neighbours,
    secrets,
)


def _of(module: ModuleType) -> list[Attack]:
    return [value for value in vars(module).values() if isinstance(value, Attack)]


ATTACKS = tuple(attack for module in KINDS for attack in _of(module))
