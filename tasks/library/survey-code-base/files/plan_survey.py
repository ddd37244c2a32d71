"""Look at what is there and write down what will be measured: output/plan.md.

Usage: plan_survey.py ROOT [--source NAME] [--archive FILE].  Next: measure.py.
The archive that everything came from is no part of the code base.
Result: files, bytes, python_files, python_bytes, kinds (files by ending).
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

import outcome
from figures import counted, share, size, whole
from sources import LEFT_OUT, every_file, python_files

PLAN = """# Plan

**What was given.** {source}

{files} in {folders}, {bytes} in all; {python} of them are Python ({python_bytes}) and will be measured.

| kind | files | share | size |
| --- | ---: | ---: | ---: |
{kinds}

Left out on purpose: folders named {left_out} (installed or compiled, not written here), and symbolic links.

## What will be measured, file by file

- **Size:** bytes, lines, blank lines, comments (`# …` wherever it stands on a line).
- **Shape:** functions (`def` and `async def`, methods too), classes, the longest function and its lines,
  and the deepest nesting of blocks (`class`, `def`, `if`, `for`, `while`, `with`, `try`, `match`, `case`).
- **Ties:** import statements and the modules they name.
- A file that cannot be parsed keeps its row: its lines are counted, its error is written down.

## How

1. **Design:** this plan.
2. **Build:** parse each file with `ast`, one row a file, into `output/metrics.csv`.
3. **Test:** count again with other means (a second walk, bytes, the symbol table, the tokenizer), compare
   with every row and write `output/check.json`. A difference stops the task.
4. **Review:** draw `output/overview.png` and write `output/report.html`.
"""


def kinds_of(files: list[tuple[str, int]]) -> dict[str, tuple[int, int]]:
    """Files and bytes by ending, the most frequent first."""
    counts: Counter[str] = Counter()
    weights: Counter[str] = Counter()
    for path, weight in files:
        kind = PurePosixPath(path).suffix.lower() or "(no ending)"
        counts[kind] += 1
        weights[kind] += weight
    ordered = sorted(counts, key=lambda kind: (-counts[kind], kind))
    return {kind: (counts[kind], weights[kind]) for kind in ordered}


def kind_rows(kinds: dict[str, tuple[int, int]], shown: int = 10) -> str:
    """The Markdown rows of the kinds; the rare ones together in the last."""
    total = sum(count for count, _ in kinds.values())
    entries = list(kinds.items())
    rest = [amounts for _, amounts in entries[shown:]]
    if rest:
        together = (sum(count for count, _ in rest), sum(weight for _, weight in rest))
        entries = [*entries[:shown], (f"{len(rest)} more", together)]
    return "\n".join(
        f"| {kind.replace('|', ' ')} | {whole(count)} | {share(count, total)} | {size(weight)} |"
        for kind, (count, weight) in entries
    )


def main() -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--source", default="")
    parser.add_argument("--archive", type=Path)
    options = parser.parse_args()
    python = python_files(options.root)
    files = [
        (path, weight)
        for path, weight in every_file(options.root)
        if path.endswith(".py") or options.root / path != options.archive
    ]
    kinds = kinds_of(files)
    python_bytes = sum(weight for path, weight in files if path.endswith(".py"))
    plan = PLAN.format(
        source=f"`{options.source or options.root}`",
        files=counted(len(files), "file"),
        folders=counted(len({PurePosixPath(path).parent for path, _ in files}), "folder"),
        bytes=size(sum(weight for _, weight in files)),
        python=whole(len(python)),
        python_bytes=size(python_bytes),
        kinds=kind_rows(kinds),
        left_out=", ".join(f"`{name}`" for name in sorted(LEFT_OUT)),
    )
    Path("output").mkdir(exist_ok=True)
    Path("output/plan.md").write_text(plan, encoding="utf-8")
    print(f"{counted(len(files), 'file')}, {whole(len(python))} of them Python: output/plan.md")
    return {
        "files": len(files),
        "bytes": sum(weight for _, weight in files),
        "python_files": len(python),
        "python_bytes": python_bytes,
        "kinds": {kind: count for kind, (count, _) in list(kinds.items())[:20]},
    }


if __name__ == "__main__":
    outcome.run(main)
