"""What the outside saw: the ledger file to which the tools drill.note_* add a line for each call."""

import json
from pathlib import Path
from typing import Any


def keys_in(ledger: Path) -> frozenset[str]:
    """The idempotency keys of all calls that were noted."""
    return frozenset(line["idempotency_key"] for line in lines_of(ledger))


def lines_of(ledger: Path) -> list[dict[str, Any]]:
    """Every call that was noted, in order; empty where there was none."""
    if not ledger.exists():
        return []
    return [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
