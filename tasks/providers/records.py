"""Providers of language models: add, change, test, disable and remove them; each with its event.  Within `acting(…)`.

Their models: models.py.  What their servers say: answers.py.  Which is chosen: choice.py.
A credential is read here and nowhere else but where a model is called; what leaves this module is masked.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from models import event, secret
from models.columns import new_id, now
from models.database import reading, writing
from models.errors import InvalidInput, Misconfigured, NotFound, Problem, ToolFailed
from models.provider import Provider, ProviderKind
from tasks.plans.plan_fields import SLUG
from tasks.providers import answers as provider_answers
from tasks.providers import choice as model_choice
from tasks.providers.answers import Found, Offered, Refused

USUAL_URLS = {
    ProviderKind.OPENROUTER: "https://openrouter.ai/api/v1",
    ProviderKind.OLLAMA: "http://127.0.0.1:11434/v1",
}
LONGEST_URL = 500
LONGEST_CREDENTIAL = 4000
LONGEST_ERROR = 500
UNREADABLE = "unreadable: no key fits"
is_any = model_choice.is_any


@dataclass(frozen=True)
class Wanted:
    """A provider as somebody describes it; the texts may be wrong."""

    name: str
    kind: str = ProviderKind.OPENAI
    base_url: str = ""
    """Empty: the usual one of its kind."""
    credential: str | None = field(default=None, repr=False)
    """None or empty where the server asks for none."""


def create(wanted: Wanted) -> Provider:
    """Keep a new provider; it has no models yet.

    Raises:
        InvalidInput: its `problems` name every field that is wrong.
    """
    base_url = _url(wanted.base_url.strip() or USUAL_URLS.get(_kind(wanted.kind), ""))
    found = [*_problems_of_name(wanted), *_problems_of_url(base_url), *_problems_of_credential(wanted.credential)]
    if found:
        raise InvalidInput("cannot keep this provider", problems=found)
    provider = Provider(id=new_id(), name=wanted.name, kind=ProviderKind(wanted.kind), base_url=base_url)
    provider.credential = _encrypted(wanted.credential)
    try:
        with writing() as session:
            session.add(provider)
            session.flush()
            told = {"speaks": provider.kind, "base_url": base_url, "credential": provider.credential is not None}
            return written(session, provider, "provider.added", told)
    except IntegrityError as error:
        taken = [problem("name", "another provider has this name; choose another one")]
        raise InvalidInput(f"cannot keep the provider {wanted.name}", problems=taken) from error


def change(name: str, base_url: str | None = None, credential: str | None = None) -> Provider:
    """Give it another address or credential; None leaves what is there, an empty credential takes it away.

    A new address wants the credential again: it is not sent where nobody meant it to go.

    Raises:
        InvalidInput: its `problems` name every field that is wrong.
        NotFound: there is none.
    """
    with writing() as session:
        provider = locked(session, name)
        after = provider.base_url if base_url is None else _url(base_url)
        found = [*_problems_of_url(after), *_problems_of_credential(credential)]
        if credential is None and provider.credential is not None and _origin(after) != _origin(provider.base_url):
            found.append(problem("credential", "give it again: the provider's address is another one"))
        if found:
            raise InvalidInput(f"cannot change the provider {name}", problems=found)
        values: dict[str, Any] = {"base_url": after, "tested_at": None, "test_error": None}
        if credential is not None:
            values["credential"] = _encrypted(credential)
        told = {"base_url": after, "credential": "kept" if credential is None else "changed" if credential else "none"}
        return written(session, provider, "provider.changed", told, **values)


def disable(name: str) -> Provider:
    """Have none of its models asked any more.

    Raises:
        NotFound: there is none.
    """
    with writing() as session:
        provider = locked(session, name)
        if provider.disabled_at is not None:
            return provider
        return written(session, provider, "provider.disabled", disabled_at=now())


def enable(name: str) -> Provider:
    """Have its models asked again.

    Raises:
        NotFound: there is none.
    """
    with writing() as session:
        provider = locked(session, name)
        if provider.disabled_at is None:
            return provider
        return written(session, provider, "provider.enabled", disabled_at=None)


def remove(name: str) -> None:
    """Forget the provider, its models and its credential; what was spent there stays.

    Raises:
        NotFound: there is none.
    """
    with writing() as session:
        provider = locked(session, name)
        written(session, provider, "provider.removed", {"name": provider.name})
        session.execute(delete(Provider).where(Provider.id == provider.id).execution_options(synchronize_session=False))


def test(name: str) -> Found:
    """Ask its server whether it is there and takes the credential; what it said is kept.

    Raises:
        Misconfigured: the credential cannot be read.
        NotFound: there is none.
    """
    provider = find(name)
    found = provider_answers.try_out(ProviderKind(provider.kind), provider.base_url, _credential(provider))
    with writing() as session:
        values = {"tested_at": now(), "test_error": found.error[:LONGEST_ERROR] if found.error else None}
        told = {"error": values["test_error"], "models": found.models}
        written(session, locked(session, name), "provider.tested", told, **values)
    return found


def offered(name: str) -> list[Offered]:
    """The models that its server lists.

    Raises:
        ServiceUnavailable, ToolFailed: it does not answer, or not with a list.
        Misconfigured: the credential cannot be read.
        NotFound: there is none.
    """
    provider = find(name)
    try:
        return provider_answers.offered(ProviderKind(provider.kind), provider.base_url, _credential(provider))
    except Refused as refused:
        raise ToolFailed(refused.said, provider=name, transient=False) from refused


def encrypt_again() -> int:
    """Encrypt every credential by the first of the keys, and give how many there are.

    Raises:
        Misconfigured: one cannot be read; none was changed.
    """
    with writing() as session:
        found = select(Provider).where(Provider.credential.is_not(None)).order_by(Provider.id).with_for_update()
        for provider in (all_of_them := list(session.scalars(found))):
            kept = secret.encrypt_again(provider.credential or "", _whose(provider))
            written(session, provider, "provider.encrypted_again", credential=kept)
        return len(all_of_them)


def find(name: str) -> Provider:
    """The provider of that name, with its models.

    Raises:
        NotFound: there is none.
    """
    found = next(iter(listed(name)), None)
    if found is None:
        raise _missing(name)
    return found


def listed(name: str | None = None) -> Sequence[Provider]:
    """All providers by name, each with its models in their order; only that one where a name is given."""
    found = select(Provider).options(selectinload(Provider.models)).order_by(Provider.name)
    with reading() as session:
        return session.scalars(found if name is None else found.where(Provider.name == name)).all()


def masked(provider: Provider) -> str | None:
    """What may be shown of its credential: its end; None where it has none."""
    if provider.credential is None:
        return None
    try:
        return secret.masked(secret.decrypt(provider.credential, _whose(provider)))
    except Misconfigured:
        return UNREADABLE


def credentials() -> list[str]:
    """Every credential that can be read: for masking.py, which takes them out of what people see."""
    found = []
    for provider in listed():
        with suppress(Misconfigured):  # what cannot be read cannot be shown either
            found.append(_credential(provider) or "")
    return found


def locked(session: Session, name: str) -> Provider:
    """The provider, which nobody else changes before this transaction ends.

    Raises:
        NotFound: there is none.
    """
    provider = session.scalars(select(Provider).where(Provider.name == name).with_for_update()).one_or_none()
    if provider is None:
        raise _missing(name)
    return provider


def written(
    session: Session, provider: Provider, kind: str, told: dict[str, Any] | None = None, **values: Any
) -> Provider:
    """Write these columns of the provider, and the event with what is told, which holds no credential."""
    changed = update(Provider).where(Provider.id == provider.id)
    changed = changed.values(event_count=Provider.event_count + 1, **values).returning(Provider)
    options = {"synchronize_session": False, "populate_existing": True}
    provider = session.scalars(changed.execution_options(**options)).one()
    event.record(
        session, "provider", provider.id, provider.event_count, kind, provider.tenant, provider=provider.name,
        **(told or {}),
    )  # fmt: skip
    return provider


def problem(path: str, message: str) -> Problem:
    """A mistake in a field."""
    return Problem(path=path, line=None, message=message)


def _problems_of_name(wanted: Wanted) -> list[Problem]:
    found = []
    if not re.fullmatch(SLUG, wanted.name):
        found.append(problem("name", "use small letters, digits, - and _, such as openrouter"))
    if wanted.kind not in list(ProviderKind):
        found.append(problem("kind", f"must be one of {', '.join(ProviderKind)}"))
    return found


def _problems_of_url(url: str) -> list[Problem]:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        is_good = False
    if not is_good or len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        return [problem("base_url", "write the address of its API, such as http://127.0.0.1:8080/v1")]
    if parts.username or parts.password or parts.query or parts.fragment:
        return [problem("base_url", "leave out name, password, ? and #: a credential has a field of its own")]
    return []


def _problems_of_credential(credential: str | None) -> list[Problem]:
    text = (credential or "").strip()
    # What an HTTP header can carry.
    if not text or (text.isascii() and text.isprintable() and " " not in text and len(text) <= LONGEST_CREDENTIAL):
        return []
    return [problem("credential", "holds a space, a line break or a letter that no key has; copy it again")]


def _encrypted(credential: str | None) -> str | None:
    text = (credential or "").strip()
    return secret.encrypt(text) if text else None


def _credential(provider: Provider) -> str | None:
    return secret.decrypt(provider.credential, _whose(provider)) if provider.credential is not None else None


def _whose(provider: Provider) -> str:
    return f"the provider {provider.name}"


def _kind(kind: str) -> ProviderKind:
    return ProviderKind(kind) if kind in list(ProviderKind) else ProviderKind.OPENAI


def _url(written: str) -> str:
    return written.strip().rstrip("/")


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    try:
        return parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        return "", "", None


def _missing(name: str) -> NotFound:
    return NotFound("cannot find the provider: there is none of that name", provider=name)
