"""A kept plan is shown as somebody would write it, and reads back as the same."""

import pytest

from tasks.plans.playbook import parse
from webapp.playbook_text import as_written

SCRIPT = "import sys\n\nfor line in sys.stdin:\n    print(line, end='')\n"
WRITTEN = f"""\
name: copy
complexity: 2
files:
  copy.py: |
    {SCRIPT.replace(chr(10), chr(10) + "    ").rstrip()}
steps:
- name: copy
  stage: build
  tool: python.run
  with:
    file: copy.py
- title: See
  stage: review
  tool: terminal.run
  with:
    command:
    - ls
"""


def kept(text: str) -> dict[str, object]:
    return parse(text).model_dump(mode="json", by_alias=True)


def test_it_is_the_text_that_somebody_wrote():
    text = as_written(kept(WRITTEN))
    assert text.replace("\n\n", "\n") == WRITTEN.replace("    \n", "").replace("\n\n", "\n")
    assert "\\n" not in text


@pytest.mark.parametrize(
    "contents",
    [SCRIPT, "  begins with blanks\n", "\n\nlate", "no end\nof line", "ends twice\n\n", "blank at the end \nof a line",
     "a\ttab\n", "# no comment\n", "- no list\n---\n", "odd \u2028 line\n", "x" * 3000 + "\n" + "y " * 3000],
)  # fmt: skip
def test_it_reads_back_as_the_same_plan(contents):
    plan = kept("steps: [{stage: build, tool: terminal.run, with: {command: [ls]}}]")
    plan["files"] = {"it.txt": contents}
    assert kept(as_written(plan)) == plan
