"""One spelling for each host: what two names are compared by.

`EXAMPLE.org.` and `example.org` are one host, and so are `bücher.example` and `xn--bcher-kva.example`.  An address
is never a name, however it is written: 2130706433, 0x7f.1 and 0177.0.0.1 are all 127.0.0.1.
"""

import ipaddress
import re

import idna

from models.errors import InvalidInput

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
LONGEST = 253


def canonical(name: str) -> str:
    """The host's name in its one spelling: lower-case ASCII without a dot at the end.

    Raises:
        InvalidInput: it is an address, or no name of a host.
    """
    ascii_name = _ascii(name).lower().removesuffix(".")
    labels = ascii_name.split(".")
    if is_address(ascii_name):
        raise InvalidInput("cannot use an address in place of a host's name", host=name)
    if len(ascii_name) > LONGEST or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidInput("cannot use this as a host's name", host=name[:LONGEST])
    return ascii_name


def is_address(text: str) -> bool:
    """Whether any resolver would take the text for an address and not for a name.

    A name that ends in a number is one, as browsers see it: no top-level domain is a number.
    """
    bare = text.lower().removesuffix(".").removeprefix("[").removesuffix("]")
    return ":" in bare or _NUMBER.fullmatch(bare.rpartition(".")[2]) is not None


def host_and_port(text: str) -> tuple[str, int]:
    """The two parts of "host:port" or "[address]:port", the host in its one spelling.

    Raises:
        InvalidInput: it is not of that form.
    """
    host, _, digits = text.rpartition(":")
    if not re.fullmatch(r"[0-9]{1,5}", digits, re.ASCII) or not 0 < int(digits) < 65536:
        raise InvalidInput("cannot use this: it must be host:port", given=text[: LONGEST + 8])
    return (_address(host) if is_address(host) else canonical(host)), int(digits)


def _address(text: str) -> str:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError as error:
        raise InvalidInput("cannot use this as an address", host=text[:LONGEST]) from error


def _ascii(name: str) -> str:
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise InvalidInput("cannot use this as a host's name", host=name[:LONGEST]) from error
