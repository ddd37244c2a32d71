"""What a provider's server says of itself: whether it is there, takes the credential, and which models it has.

Only `GET`, only to the address that a person gave; a redirect is not followed, since it would carry the credential
elsewhere.  Nothing that is said here holds the credential.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import settings
from models.errors import ServiceUnavailable
from models.money import MICRO
from models.provider import ProviderKind

WITHIN_S = 15
LONGEST_ANSWER = 16 * 2**20
MOST_MODELS = 5000


@dataclass(frozen=True)
class Offered:
    """A model as its provider lists it; None is not said, and never free."""

    name: str
    input_price: int | None
    output_price: int | None
    context_tokens: int | None
    output_tokens: int | None = None


@dataclass(frozen=True)
class Found:
    """What a test found; `error` is None where the provider may be used."""

    is_reachable: bool
    is_accepted: bool | None
    """Whether the credential was taken; None where nobody asked for it."""
    models: int
    error: str | None


class Refused(Exception):
    """The server answered, and not with what was asked for."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


def try_out(kind: ProviderKind, base_url: str, credential: str | None) -> Found:
    """Ask for the list of models, and OpenRouter, whose list is for everybody, for the key as well."""
    try:
        if kind is ProviderKind.OPENROUTER:
            _ask_for_key(base_url, credential)
        found = offered(kind, base_url, credential)
    except ServiceUnavailable as error:
        return Found(False, None, 0, error.message)
    except Refused as refused:
        return Found(True, False if refused.status in (401, 403) else None, 0, refused.said)
    return Found(True, None if credential is None else True, len(found), None)


def offered(kind: ProviderKind, base_url: str, credential: str | None) -> list[Offered]:
    """The models that the server lists, by name.

    Raises:
        Refused: the server answered, and not with a list.
        ServiceUnavailable: it did not answer.
    """
    answer = _get(f"{base_url}/models", credential)
    listed = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(listed, list):
        raise Refused(200, "cannot read what it answers: it is no list of models; is the address right, /v1 included?")
    read: Callable[[dict[str, Any]], Offered] = _READ[kind]
    found = [read(each) for each in listed[:MOST_MODELS] if isinstance(each, dict) and isinstance(each.get("id"), str)]
    return sorted(found, key=lambda each: each.name)


def _ask_for_key(base_url: str, credential: str | None) -> None:
    try:
        _get(f"{base_url}/key", credential)
    except Refused as refused:
        # A server that only speaks like OpenRouter has no such page.
        if refused.status != 404:
            raise


def _get(url: str, credential: str | None) -> Any:
    import requests  # a tenth of a second that most processes never need

    told = {} if credential is None else {"Authorization": f"Bearer {credential}"}
    trusted = settings.load().ca_bundle
    with requests.Session() as session:
        # As a model is called: no proxy of the environment leads elsewhere, no ~/.netrc signs in our place.
        session.trust_env = False
        try:
            with session.get(
                url,
                headers=told,
                timeout=WITHIN_S,
                allow_redirects=False,
                stream=True,
                verify=str(trusted) if trusted else True,
            ) as answer:
                return _read(answer)
        except (requests.RequestException, UnicodeError, OSError) as error:
            # The class alone: what a library says of a request may quote it.
            raise ServiceUnavailable(
                f"cannot reach {url}: {_why(error)}; is it running, is the address right?"
            ) from None


def _read(answer: Any) -> Any:
    status = int(answer.status_code)
    if status in (401, 403):
        raise Refused(status, f"cannot use its models: it refused the credential ({status})")
    if status != 200:
        cure = "is the address right, /v1 included?" if status in (301, 302, 307, 308, 404, 405) else "try again later"
        raise Refused(status, f"cannot use its models: it answered {status}; {cure}")
    body = answer.raw.read(LONGEST_ANSWER + 1, decode_content=True)
    if len(body) > LONGEST_ANSWER:
        raise Refused(status, "cannot read what it answers: it is too long for a list of models")
    try:
        import json

        return json.loads(body)
    except ValueError:
        raise Refused(status, "cannot read what it answers: it is no JSON; is the address right?") from None


def _why(error: Exception) -> str:
    import requests

    reasons = (
        (requests.exceptions.SSLError, "its certificate is not trusted"),
        (requests.exceptions.ConnectTimeout, "no answer in time"),
        (requests.exceptions.ReadTimeout, "no answer in time"),
        (requests.exceptions.ConnectionError, "no connection"),
    )
    return next((words for kind, words in reasons if isinstance(error, kind)), type(error).__name__)


def _of_openrouter(listed: dict[str, Any]) -> Offered:
    told = listed.get("pricing")
    prices = told if isinstance(told, dict) else {}
    # One that costs something for each request, too, costs more than its tokens say.
    is_by_tokens = _number(prices.get("request", "0")) == 0
    per_input, per_output = (_price(prices.get(name)) if is_by_tokens else None for name in ("prompt", "completion"))
    top = listed.get("top_provider")
    most = top.get("max_completion_tokens") if isinstance(top, dict) else None
    return Offered(listed["id"], per_input, per_output, _whole(listed.get("context_length")), _whole(most))


def _of_ollama(listed: dict[str, Any]) -> Offered:
    """It runs on a machine of ours: a call costs nothing."""
    return Offered(listed["id"], 0, 0, None)


def _of_openai(listed: dict[str, Any]) -> Offered:
    return Offered(listed["id"], None, None, _whole(listed.get("context_length") or listed.get("max_model_len")))


_READ = {
    ProviderKind.OPENROUTER: _of_openrouter,
    ProviderKind.OLLAMA: _of_ollama,
    ProviderKind.OPENAI: _of_openai,
}


def _price(per_token: Any) -> int | None:
    """Dollars per token, as text, in micro-dollars per million tokens; below zero is "it depends"."""
    number = _number(per_token)
    return None if number is None or number < 0 else int((number * MICRO * MICRO).to_integral_value())


def _number(written: Any) -> Decimal | None:
    try:
        number = Decimal(str(written))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _whole(number: Any) -> int | None:
    return number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else None
