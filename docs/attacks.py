"""The table of attacks for reference/attacks.md, from what `bin/test --long` wrote down: reference/attacks.json."""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "reference" / "attacks.json"
PEOPLE = {"root": "root's worker", "user": "an ordinary user's worker"}

Row = dict[str, Any]


def table() -> str:
    """A sum, what is open by name, and a table for each kind."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))["attacks"]
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    parts = [_sum(rows), *(_of_kind(kind, [row for row in rows if row["kind"] == kind]) for kind in kinds)]
    return "\n\n".join(parts)


def _sum(rows: list[Row]) -> str:
    shown = sum(_is_shown(row) for row in rows)
    lines = [f"{len(rows)} attacks, {shown} of them shown to get through without the sandbox.", ""]
    for tier in _tiers(rows):
        through = [row for row in rows if "through" in row["places"][tier].values()]
        if not through:
            lines.append(f"- Tier {tier} holds all of them.")
        else:
            lines.append(f"- Tier {tier} holds {len(rows) - len(through)}. It leaves open:")
            lines.extend(f"  - {row['name']}{_to_whom(row, tier)}: {row['open_on'].get(tier, '')}" for row in through)
    return "\n".join(lines)


def _to_whom(row: Row, tier: str) -> str:
    open_to = [who for who, verdict in row["places"][tier].items() if verdict == "through"]
    return "" if len(open_to) == len(PEOPLE) else f" ({', '.join(PEOPLE[who] for who in open_to)})"


def _is_shown(row: Row) -> bool:
    return "through" in row["places"]["outside"].values()


def _tiers(rows: list[Row]) -> list[str]:
    return [place for place in rows[0]["places"] if place != "outside"] if rows else []


def _of_kind(kind: str, rows: list[Row]) -> str:
    tiers = _tiers(rows)
    head = ["attack", "without", *(f"tier {tier}" for tier in tiers)]
    lines = [f"## {kind.capitalize()}", "", _line(head), _line(["---"] * len(head))]
    lines.extend(_line([row["name"], *(_cell(row["places"][place]) for place in ("outside", *tiers))]) for row in rows)
    return "\n".join(lines)


def _cell(verdicts: dict[str, str]) -> str:
    """One word where root and a user fare alike, else one for each."""
    if len(set(verdicts.values())) == 1:
        return next(iter(verdicts.values()))
    if verdicts.get("root") == "through" and verdicts.get("user", "").startswith("not shown"):
        return "through, as root"
    return "; ".join(f"{who}: {verdict}" for who, verdict in verdicts.items())


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
