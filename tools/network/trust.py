"""Which certificates are trusted: those that the settings name, else the system's, else the locked package's.

A sandbox sees little of /etc, and hosts keep certificates in different places, so a call is handed the bundle as
a file and told by the variables that programs read.
"""

import ssl
from pathlib import Path

import certifi

from models.errors import Misconfigured
from tools.sandbox.contract import Inside

FILE = "certificates.pem"
VARIABLES = {
    name: Inside("given", FILE)
    for name in ("SSL_CERT_FILE", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT")
}
"""For programs inside: what they are told about the given file."""


def path(chosen: Path | None) -> Path:
    """The file that is used: the chosen one, the system's or the locked package's."""
    return chosen or Path(ssl.get_default_verify_paths().cafile or certifi.where())


def bundle(chosen: Path | None) -> bytes:
    """The certificates in PEM.

    Raises:
        Misconfigured: the chosen file cannot be read, or holds none.
    """
    file = path(chosen)
    try:
        found = file.read_bytes()
    except OSError as error:
        raise _unusable(file, str(error.strerror)) from error
    if b"-----BEGIN CERTIFICATE-----" not in found:
        raise _unusable(file, "it holds no certificate")
    return found


def tls(chosen: Path | None) -> ssl.SSLContext:
    """How the worker itself checks whom it talks to."""
    try:
        return ssl.create_default_context(cadata=bundle(chosen).decode("ascii", "ignore"))
    except ssl.SSLError as error:
        raise _unusable(chosen, str(error.reason)) from error


def _unusable(path: Path | None, reason: str) -> Misconfigured:
    return Misconfigured("cannot use the certificates", path=str(path), reason=reason, setting="OPSCORE_CA_BUNDLE")
