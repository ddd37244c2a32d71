"""Take secrets out of what people see: logs, transcripts, whatever leaves the house.

Two nets: the secrets that this installation knows (`of_installation`), wherever they stand, and what looks like a
secret by its form or by its name.  The second can miss one and can hide what is none; the first cannot.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from settings import Settings

MASK = "***"
SHORTEST = 6
"""A shorter value would hide half of every text."""
LONGEST_FILE = 10_000

SECRET_NAME = re.compile(
    r"secret|passwo?r?d|passphrase|authorization|cookie|credential|api_?key|private_?key|token(?!s)", re.IGNORECASE
)
_NAMED = r"(?:api[_-]?key|secret|token|passwo?r?d|passphrase|credential|private[_-]?key)"
_FORMS = (
    # What follows the marks is replaced by `keep` and the mask: (pattern, keep).
    (r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", ""),
    (r"\bsk-[A-Za-z0-9_-]{16,}", ""),
    (r"\bgh[pousr]_[A-Za-z0-9]{20,}", ""),
    (r"\bgithub_pat_[A-Za-z0-9_]{20,}", ""),
    (r"\bglpat-[A-Za-z0-9_-]{16,}", ""),
    (r"\bxox[abeprs]-[A-Za-z0-9-]{10,}", ""),
    (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", ""),
    (r"\bAIza[A-Za-z0-9_-]{30,}", ""),
    (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", ""),
    (r"(://[^/\s:@]{0,200}:)[^/\s@]{1,500}(?=@)", r"\1"),
    # Words of a sentence may follow (“basic understanding”): they hold no digit, and few are as long.
    (r"\b((?:bearer|basic)\s+|sign-in/\s*)(?:(?=[a-z._~+/=-]{0,99}[0-9])[\w.~+/=-]{12,}|[\w.~+/=-]{24,})", r"\1"),
    # As JSON, YAML, code and shells write it; a value without quotes counts only after a name in capitals.
    (rf"""(["']?\b\w{{0,40}}{_NAMED}["']?\s{{0,5}}[:=]\s{{0,5}}(["']))(?:(?!\2)[^\n]){{6,}}(?=\2)""", r"\1"),
    (r"(\b(?-i:[A-Z0-9_]{0,40})(?-i:API_?KEY|SECRET|TOKEN|PASSWORD|CREDENTIAL|PRIVATE_KEY)=)[^\s\"';&]{6,}", r"\1"),
)
_PATTERNS = [(re.compile(pattern, re.IGNORECASE | re.DOTALL), keep + MASK) for pattern, keep in _FORMS]


class Masks:
    """The known secrets, and the forms that secrets have."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        known = {value for value in values if len(value) >= SHORTEST}
        known |= {quote(value, safe="") for value in known}
        # The longest first: one may be part of another.
        words = sorted(known, key=lambda value: (-len(value), value))
        self._known = re.compile("|".join(map(re.escape, words))) if words else None

    def text(self, text: str) -> str:
        """The text with a mask in the place of each secret."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """The value of that name, masked within; what is JSON-able stays so."""
        match value:
            case str():
                return MASK if value and SECRET_NAME.search(name) else self.text(value)
            case dict():
                return {self.text(str(key)): self.value(each, str(key)) for key, each in value.items()}
            case list() | tuple():
                return [self.value(each, name) for each in value]
        return value


def of_installation(settings: Settings, credentials: Iterable[str] = ()) -> Masks:
    """Masks for its own secrets, those in the addresses of its settings, and these credentials."""
    addresses = (settings.database_url, settings.broker_url)
    passwords = [urlsplit(address).password or "" for address in addresses if "@" in address]
    own = [
        settings.api_token,
        settings.secret_key,
        *settings.encryption_keys.split(","),
        *_kept(settings.data_dir / "secrets"),
    ]
    return Masks([*own, *passwords, *credentials])


def _kept(folder: Path) -> list[str]:
    """What the files of the folder hold: each is a secret.  None is made by asking."""
    if not folder.is_dir():
        return []
    files = [each for each in folder.iterdir() if each.is_file() and each.stat().st_size <= LONGEST_FILE]
    return [line.strip() for each in files for line in each.read_text(encoding="utf-8", errors="replace").splitlines()]
