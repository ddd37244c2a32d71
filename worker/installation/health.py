"""Whether the web process answers."""

import urllib.error
import urllib.request

from settings import Settings

ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  (compared with, not listened on)


def address(told: Settings) -> str:
    """The web process's own address on this machine, whatever name people use for it."""
    host = ANY_HOST.get(told.host, f"[{told.host}]" if ":" in told.host else told.host)
    return f"http://{host}:{told.port}"


def answers(told: Settings) -> bool:
    """Whether GET /health says that all is well."""
    # Without the environment's proxies: they know nothing of this machine's loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address(told)}/health", timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False
