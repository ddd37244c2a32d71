"""What became of the attacks, written down for docs/reference/attacks.md: `bin/test --long` does."""

import hashlib
import json
from pathlib import Path
from typing import Any

from settings import PROJECT
from tests.security import attacks, attempt
from tests.security.attacks import ATTACKS
from tests.security.attacks.attack import Attack

FILE = PROJECT / "docs" / "reference" / "attacks.json"

Verdicts = dict[str, dict[str, str]]


def written(found: dict[str, Verdicts]) -> str:
    """The record's text; `found` is by root and user, place and attack."""
    rows = [_row(attack, found) for attack in ATTACKS]
    return json.dumps({"digest": digest(), "attacks": rows}, indent=1, ensure_ascii=False) + "\n"


def digest() -> str:
    """What changes when an attack is added, taken away or rewritten."""
    files = sorted(Path(attacks.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _row(attack: Attack, found: dict[str, Verdicts]) -> dict[str, Any]:
    places = {
        place: {who: _short(attack, place, verdicts[place][attack.name]) for who, verdicts in found.items()}
        for place in next(iter(found.values()))
    }
    reasons = {str(tier): why for tier, why in attack.open_on.items()}
    return {"kind": attack.kind, "name": attack.name, "places": places, "open_on": reasons}


def _short(attack: Attack, place: str, verdict: str) -> str:
    """What people are to read: not the words of the kernel, but what it came to."""
    if verdict.startswith("not shown"):
        return verdict
    if place == "outside" and verdict != attempt.THROUGH:
        return f"not shown: {attack.may_lack}"
    return verdict.partition(":")[0]


def save(found: dict[str, Verdicts], file: Path = FILE) -> None:
    """Write the record."""
    file.write_text(written(found), encoding="utf-8")
