"""Credentials as they stand in the database: encrypted, by keys that do not stand there.

Where the keys come from, and how to change them: `encryption_keys` in settings.py, docs/how-to/models.md.
"""

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

import settings
from models.errors import Misconfigured

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

SHOWN = 4
HIDDEN = "••••"


class Unreadable(Misconfigured):
    """No key fits what is kept."""


def encrypt(secret: str, keys: Sequence[str] | None = None) -> str:
    """The secret as it may be kept, by the first of the keys: those of the settings unless others are named."""
    return _box(keys).encrypt(secret.encode()).decode("ascii")


def decrypt(kept: str, whose: str, keys: Sequence[str] | None = None) -> str:
    """What was encrypted by any of the keys; `whose` it is stands in the error.

    Raises:
        Unreadable: no key fits.
    """
    from cryptography.fernet import InvalidToken

    try:
        return _box(keys).decrypt(kept).decode()
    except InvalidToken as error:
        raise _unreadable(whose) from error


def encrypt_again(kept: str, whose: str, keys: Sequence[str] | None = None) -> str:
    """The same secret, encrypted by the first key.

    Raises:
        Unreadable: no key fits.
    """
    return encrypt(decrypt(kept, whose, keys), keys)


def masked(secret: str) -> str:
    """What may be shown of it: its end, where enough stays hidden."""
    return f"{HIDDEN}{secret[-SHOWN:]}" if len(secret) >= 4 * SHOWN else HIDDEN


def _unreadable(whose: str) -> Unreadable:
    cure = (
        "none of the encryption keys fits; name the key that it was saved with in OPSCORE_ENCRYPTION_KEYS, put the "
        "file secrets/encryption of the data folder back, or save the credential again"
    )
    return Unreadable(f"cannot read the credential of {whose}: {cure}")


def _box(keys: Sequence[str] | None) -> "MultiFernet":
    from cryptography.fernet import Fernet, MultiFernet  # 50 ms that most processes never need

    return MultiFernet([Fernet(_derived(each)) for each in keys or settings.load().keys])


def _derived(key: str) -> bytes:
    """A key of the length that the cipher wants, whatever the length of what people wrote."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    made = HKDF(SHA256(), length=32, salt=None, info=b"opscore credentials").derive(key.encode())
    return base64.urlsafe_b64encode(made)
