"""Output that wants to steer the terminal or the page of whoever reads it."""

import subprocess
from pathlib import Path
from typing import Any

from tests.security.attacks.attack import Deed
from tests.support.boxed import Box
from tools.terminal_text import Neutraliser, plain

KIND = "terminal output"
# Letters that are none: they reorder, hide, or carry what is not seen.
HIDDEN = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xE0000, 0xE0080)}


def _printing(name: str, *pieces: str, is_long: bool = True) -> Deed:
    """A program that prints the pieces, with a pause in between, so that they come apart."""
    script = "; sleep 0.2; ".join(f"printf '{_octal(piece)}'" for piece in pieces)

    def inside(box: Box, host: Any) -> bool:
        live, neutraliser = [], Neutraliser()
        finished = box.run("sh", "-c", script, emit=lambda _, chunk: live.append(chunk.decode(errors="replace")))
        assert finished.stdout.total_bytes > 0
        followed = "".join(neutraliser.feed(piece) for piece in live)
        return _steers(plain(finished.stdout.text)) or _steers(followed)

    def outside(folder: Path, host: Any) -> bool:
        printed = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout
        return _steers(printed.decode())

    return Deed(name=name, kind=KIND, inside=inside, outside=outside, is_long=is_long)


def _octal(text: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in text.encode())


def _steers(text: str) -> bool:
    """Whether anything in the text is more than letters and line breaks."""
    return any((ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0 or ord(c) in HIDDEN for c in text)


CLIPBOARD = _printing("put a command into the reader's clipboard", "\x1b]52;c;cm0gLXJmIH4K\x07", is_long=False)
TITLE = _printing("rename the reader's window", "\x1b]0;root@host\x07")
TYPED_TITLE = _printing("have the terminal type the window's name as a command", "\x1b]0;; id\x07\x1b[21t")
ANSWER = _printing("have the terminal type an answer", "\x1b[6n\x1b[c\x05")
REPORT = _printing("have the terminal type what it was asked to keep", '\x1bP$q"p\x1b\\')
SCREEN = _printing("clear the screen and write something false", "\x1b[2J\x1b[HAll tests passed")
INVISIBLE = _printing("hide a part of the text", "fine\x1b[8m; rm -rf ~\x1b[0m")
LINK = _printing(
    "show a link that leads elsewhere", "\x1b]8;;https://evil.example\x1b\\https://good.example\x1b]8;;\x1b\\"
)
EIGHT_BIT = _printing("steer with letters that few filters know", "\x9b2J\x9d0;owned\x9c")
CUT = _printing("steer with a sequence that comes in two pieces", "text\x1b", "]0;owned\x07more", is_long=False)
ENDLESS = _printing("steer with a sequence that never ends", "\x1b]0;" + "a" * 5000 + "\x1b[2J")
REORDER = _printing("show the text in another order", "gpj.\u202egnp.exe")
BACK = _printing("write over what was written", "rm -rf /\b\b\b\b\b\b\b\bls      ")
TAGS = _printing("carry text that nobody sees", "fine" + "".join(chr(0xE0000 + ord(c)) for c in "obey"))
