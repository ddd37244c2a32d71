"""Make what a program printed safe and readable as plain text: no escape sequences, no control characters.

Everything that a program may have chosen (output, titles, file names, addresses) passes here before it comes to a
page (webapp/words.py), a terminal (worker/command_line/frame.py) or a log (tasks/logs.py).  A carriage return goes
back to the beginning of its line, as a progress bar means it.  Escaping for HTML is the template's part.
"""

import json
import re

# CSI … final byte; OSC, DCS, PM, APC, SOS … up to BEL or ST; two-byte escapes; the same in their 8-bit forms.
SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|(?=\x1b))"
    r"|\x1b[ -/]*[0-~]"
)
# The beginning of a sequence whose end has not come yet.
UNFINISHED = re.compile(
    r"(?:\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\x9c]*\x1b?|[ -/]*)?"
    r"|\x9b[0-?]*[ -/]*|[\x9d\x90\x98\x9e\x9f][^\x07\x1b\x9c]*)$"
)
# Everything that is not seen but may reorder or hide what is.
CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
LONGEST_SEQUENCE = 4096


def harmless(text: str) -> str:
    """The text without sequences and control characters; its line breaks stay as they are."""
    # Most texts have neither, and a page has thousands of them.
    return text if text.isprintable() else CONTROL.sub("", SEQUENCE.sub("", text))


def one_line(text: str) -> str:
    """The text as one harmless line: a name or a title that must not begin a line of its own."""
    return " ".join(harmless(text).split()) if not text.isprintable() else text


def plain(text: str) -> str:
    """The whole output as plain text."""
    neutral = harmless(text.replace("\r\n", "\n"))
    if "\r" not in neutral:
        return neutral
    return "\n".join(_last_written(line) for line in neutral.split("\n"))


def visible(text: str) -> str:
    """The text with everything that is not seen written out, `\\r`, `\\u202e`: for who must know exactly what it is."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in "\n\t" else json.dumps(each)[1:-1] for each in text)


def escaped(json_text: str) -> str:
    """The same JSON with control characters as escapes: JSON leaves most of them as they are, a terminal obeys them.

    They can only stand in its strings; programs read the same values.
    """
    return CONTROL.sub(lambda found: json.dumps(found[0])[1:-1], json_text)


def _last_written(line: str) -> str:
    parts = [part for part in line.split("\r") if part]
    return parts[-1] if parts else ""


class Neutraliser:
    """Does the same to output that comes in pieces, which may be cut inside a sequence."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """The piece as plain text; carriage returns become line breaks, since earlier lines are out already."""
        whole = self._held + text
        cut = UNFINISHED.search(whole)
        self._held = whole[cut.start() :] if cut and len(whole) - cut.start() < LONGEST_SEQUENCE else ""
        done = whole[: len(whole) - len(self._held)]
        if done.endswith("\r"):
            done, self._held = done[:-1], "\r" + self._held
        neutral = SEQUENCE.sub("", done).replace("\r\n", "\n").replace("\r", "\n")
        return CONTROL.sub("", neutral)
