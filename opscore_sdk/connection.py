"""HTTP to one installation: the token, time-outs, what is tried again, and refusals as errors."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests

from opscore_sdk.exceptions import ServerFailed, Unreachable, error_of

# Seconds before each further attempt at what may safely be repeated.
PAUSES = (0.2, 0.6, 1.5)
TRY_AGAIN = frozenset({502, 503, 504})


class Connection:
    """A session with one server; `timeout` is in seconds, for the connection and for each read."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        self.url = url
        self._timeout = timeout
        self._session = requests.Session()
        # A proxy of the environment or a .netrc entry must not meet a server on loopback.
        self._session.trust_env = not _is_local(url)
        self._session.headers["Accept"] = "application/json"
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        self._session.close()

    def json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        is_safe: bool = False,
        **options: Any,
    ) -> dict[str, Any]:
        """The JSON object that the call answers; `is_safe` says that repeating it does no harm."""
        pauses = iter(PAUSES if is_safe else ())
        while True:
            try:
                answer = self._ask(method, path, params=query, timeout=self._timeout, **options)
                return dict(answer.json())
            except (Unreachable, ServerFailed) as error:
                if isinstance(error, ServerFailed) and error.status not in TRY_AGAIN:
                    raise
                pause = next(pauses, None)
                if pause is None:
                    raise
                time.sleep(pause)

    @contextmanager
    def opened(
        self, path: str, headers: Mapping[str, str] | None = None, silence: float | None = None
    ) -> Iterator[requests.Response]:
        """The answer of a GET while it still comes; `silence` is the longest that nothing may come, in seconds.

        Raises:
            Unreachable: the connection was lost, also within the block.
        """
        timeout = (self._timeout, silence or self._timeout)
        with self._ask("GET", path, headers=headers, stream=True, timeout=timeout) as answer:
            try:
                yield answer
            except (requests.RequestException, OSError) as error:
                raise Unreachable(f"lost the connection to {self.url}") from error

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        try:
            answer = self._session.request(method, self.url + path, **options)
        except requests.RequestException as error:
            raise Unreachable(f"cannot reach {self.url}: {_reason(error)}") from error
        if answer.status_code >= 400:
            with answer:
                raise error_of(answer.status_code, _document(answer))
        return answer


def _document(answer: requests.Response) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        document = None
    return document if isinstance(document, dict) else {"detail": f"{answer.status_code} {answer.reason}"}


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "it does not answer in time"
    if isinstance(error, requests.ConnectionError):
        return "nothing answers there"
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return "this is no address such as http://127.0.0.1:8000"
    return str(error)


def _is_local(url: str) -> bool:
    return url.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0] in ("127.0.0.1", "localhost", "[::1]")
