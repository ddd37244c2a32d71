"""Read every OPSCORE_* variable once and validate all of them together.

`load()` is the only door.  The reference in docs/reference/settings.md is made from the
descriptions below by `python -m settings`.  Durations are seconds, sizes are bytes.
"""

import difflib
import hashlib
import json
import re
import secrets
import sysconfig
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import Misconfigured

PROJECT = Path(__file__).resolve().parent
VERSION = "0.1.0"
# Not settings: the command line's server, the mark of bin/up on its processes, a title inside the sandbox, and
# where a process of a test is to be cut off.
READ_ELSEWHERE = ("OPSCORE_URL", "OPSCORE_INSTALLATION", "OPSCORE_TASK_TITLE", "OPSCORE_DEBUG_TRIGGERS")
SHORTEST_KEY = 32
LONGEST_SOCKET_PATH = 100  # the kernel's limit is 108 bytes, with room for a server's temporary suffix


def _either(name: str, platform_name: str) -> AliasChoices:
    """OPSCORE_<name>, or the name that hosting platforms give; ours wins."""
    return AliasChoices(f"OPSCORE_{name}", platform_name)


class Settings(BaseSettings):
    """What one installation is told from outside."""

    model_config = SettingsConfigDict(env_prefix="OPSCORE_", populate_by_name=True, frozen=True, extra="ignore")

    data_dir: Path = Field(
        PROJECT / "var",
        description="Folder of everything that must survive: database, workspaces, history, uploads, logs, secrets.",
    )
    database_url: str = Field(
        "",
        validation_alias=_either("DATABASE_URL", "DATABASE_URL"),
        description="SQLAlchemy URL. Empty means SQLite in the data folder; postgres:// is understood.",
    )
    broker_url: str = Field(
        "",
        validation_alias=_either("BROKER_URL", "REDIS_URL"),
        description="Redis or Valkey server that carries the wake-ups. Empty means the embedded one.",
    )
    host: str = Field("127.0.0.1", description="Address that the web process listens on.")
    port: int = Field(
        8000, ge=1, le=65535, validation_alias=_either("PORT", "PORT"), description="Port of the web process."
    )
    web_threads: int = Field(
        64,
        ge=4,
        le=1024,
        description="Threads of the web process; a page that is open in a browser holds one.",
    )
    flower_port: int = Field(5555, ge=1, le=65535, description="Port of Flower, on loopback only.")
    public_url: str = Field("", description="Address under which people reach the pages. Empty means http://HOST:PORT.")
    api_token: str = Field(
        "", repr=False, description="Bearer token of the API. Empty means a file made at the first start."
    )
    secret_key: str = Field(
        "", repr=False, description="Key that signs sessions. Empty means a file made at the first start."
    )
    encryption_keys: str = Field(
        "",
        repr=False,
        description="Keys of the credentials in the database, separated by commas, 32 characters at least each: the "
        "first encrypts, all decrypt. Empty means a file made at the first start; that file's decrypts as well.",
    )
    tool_env: Path = Field(
        PROJECT / ".toolenv",
        description="Python environment of the agents' code; shared, read-only inside the sandbox.",
    )
    input_roots: list[Path] = Field(
        default_factory=lambda: [Path(sysconfig.get_paths()["stdlib"])],
        description="Folders of this host that a task may name as its input, as a JSON list.",
    )
    terminal_allow: list[str] = Field(
        default_factory=lambda: [
            "awk", "basename", "cat", "cp", "cut", "date", "diff", "dirname", "du", "echo", "env", "false",
            "file", "find", "git", "grep", "gunzip", "gzip", "head", "ls", "md5sum", "mkdir", "mv", "printf",
            "pwd", "python3", "rm", "sed", "seq", "sha256sum", "sleep", "sort", "stat", "tail", "tar", "tee",
            "touch", "tr", "true", "uniq", "unzip", "wc", "xargs", "zip",
        ],
        description="Programs that terminal.run starts, as a JSON list. A convenience: the sandbox is the boundary.",
    )  # fmt: skip
    packages_allow: list[str] = Field(
        [], description="Packages that python.install may install, what they need included; a JSON list. Empty: any."
    )
    packages_deny: list[str] = Field([], description="Packages that it never installs, as a JSON list.")
    packages_from_source: list[str] = Field(
        [], description="Packages that it may build from source where no wheel fits, as a JSON list."
    )
    packages_hosts: list[str] = Field(
        [],
        description="Further hosts that it may reach, as a JSON list; host:port for one whose address is not global.",
    )
    packages_keep_bytes: int = Field(
        10 * 2**30, ge=0, description="Room for installed packages; above it those that were not used longest go."
    )
    packages_keep_s: float = Field(30 * 86400, gt=0, description="Installed packages that nobody used for so long go.")
    git_hosts: list[str] = Field(
        ["bitbucket.org", "codeberg.org", "git.sr.ht", "github.com", "gitlab.com"],
        description="Hosts that git.clone clones from, as a JSON list of exact names.",
    )
    network_hosts: list[str] = Field(
        [], description="Further hosts that every tool with a network may reach from the sandbox, as a JSON list."
    )
    network_local: list[str] = Field(
        [],
        description="Exceptions, as a JSON list of host:port: reached though the address is not global, by web.fetch "
        "too. Whatever listens there is then open to every task and to what it fetches.",
    )
    ca_bundle: Path | None = Field(
        None,
        validation_alias=_either("CA_BUNDLE", "SSL_CERT_FILE"),
        description="File of the certificates to trust in place of the system's, by tools and inside the sandbox.",
    )
    upload_max_bytes: int = Field(256 * 2**20, gt=0, description="Largest file that may be uploaded.")
    uploads_total_bytes: int = Field(20 * 2**30, gt=0, description="Most that all uploads together may hold.")
    disk_reserve_bytes: int = Field(
        512 * 2**20,
        ge=0,
        description="Free space on the data folder's disk that uploads leave; below it they are refused.",
    )
    input_max_bytes: int = Field(2**30, gt=0, description="Largest folder or archive that is copied into a workspace.")
    step_wall_s: float = Field(600, ge=0.1, description="Longest time that one step may take.")
    step_cpu_s: float = Field(900, ge=0.1, description="Most processor time that the processes of one step may use.")
    step_memory_bytes: int = Field(
        2 * 2**30, ge=32 * 2**20, description="Most memory that the processes of one step may hold."
    )
    step_processes: int = Field(256, ge=8, description="Most processes and threads of one step at the same time.")
    step_file_bytes: int = Field(2**30, ge=4096, description="Largest file that a step may write.")
    step_workspace_bytes: int = Field(4 * 2**30, ge=2**20, description="Largest size of a task's workspace.")
    step_workspace_files: int = Field(200_000, ge=16, description="Most files and folders of a task's workspace.")
    step_written_bytes: int = Field(
        16 * 2**30, ge=2**20, description="Most that one step may write to disk, deleted again or not."
    )
    step_output_bytes: int = Field(8 * 2**20, ge=1024, description="Most that one step may print.")
    step_network_bytes: int = Field(
        512 * 2**20, ge=1024, description="Most that one step may send and receive through the proxy, together."
    )
    service_rates: dict[str, str] = Field(
        default_factory=dict,
        description="How often tools and outside services are called at most, by all workers together: a JSON object "
        'such as {"web:*": "5/s", "git:github.com": "30/min", "web.fetch": "10/s"}.',
    )
    search_provider: Literal["duckduckgo", "searxng"] = Field(
        "duckduckgo", description="Who web.search asks first; the other one is asked where that one cannot answer."
    )
    searxng_url: str = Field(
        "",
        description="Address of a SearXNG that web.search may ask, such as http://localhost:8888; its search.formats "
        "must have json. Only searches reach it, also where its address is not global. Empty: there is none.",
    )
    duckduckgo_url: str = Field(
        "",
        description="Address at which web.search asks DuckDuckGo in place of its own hosts: a mirror, or a test. "
        "One that is not global must stand in OPSCORE_NETWORK_LOCAL too.",
    )
    search_rate: str = Field(
        "20/min",
        description="How often each provider of searches is asked at most, by all workers together, where "
        "OPSCORE_SERVICE_RATES does not name it (search:duckduckgo).",
    )
    search_cache_s: float = Field(
        3600, ge=0, le=30 * 86400, description="How long the answer to a search is good for the same one; 0: not."
    )
    search_keep_s: float = Field(90 * 86400, gt=0, description="Searches that are older than this leave the history.")
    retry_attempts: int = Field(
        3, ge=1, le=20, description="How often a step is tried where task, playbook and tool say nothing; 1: once."
    )
    retry_wait: Literal["immediate", "delayed", "exponential"] = Field(
        "exponential", description="How long to wait before trying again: not, the first wait each time, or growing."
    )
    retry_first_s: float = Field(2, ge=0, le=86400, description="The wait after a first failure, or its upper bound.")
    retry_factor: float = Field(2, ge=1, le=10, description="By how much an exponential wait grows each time.")
    retry_most_s: float = Field(300, ge=0, le=86400, description="Longest wait before trying again.")
    retry_total_s: float = Field(
        86400, ge=0, le=30 * 86400, description="No attempt of a step begins later than this after its first one."
    )
    approval_expires_s: float = Field(
        7 * 86400,
        ge=0,
        le=3650 * 86400,
        description="How long an approval is waited for where the plan does not say; 0 is for ever.",
    )
    run_lease_s: float = Field(
        30, ge=5, le=3600, description="How long a run may be silent before its task is given to another."
    )
    sandbox_tier: int = Field(
        0,
        ge=0,
        le=3,
        description="Tier of the sandbox that workers must have: 1 bubblewrap, 2 bubblewrap without its own /proc, "
        "3 Landlock. One that cannot reach it does not start. 0 means the strongest that works.",
    )
    drill_ledger: Path | None = Field(
        None, description="File that the tools of exercises (drill.*) write to; without it they refuse."
    )
    log_format: Literal["text", "json"] = Field("text", description="One event a line, readable or as JSON.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity that is logged."
    )

    @field_validator("data_dir", "tool_env", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        # An empty path is the current folder, whatever that is.
        if value == "":
            raise ValueError("must name a folder; leave it out for the usual one")
        return value

    @field_validator("data_dir", "tool_env")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("sandbox_tier", mode="before")
    @classmethod
    def _any_tier(cls, value: object) -> object:
        return 0 if value == "" else value

    @field_validator("input_roots")
    @classmethod
    def _resolved(cls, value: list[Path]) -> list[Path]:
        return [root.expanduser().resolve() for root in value]

    @field_validator("ca_bundle", "drill_ledger", mode="before")
    @classmethod
    def _none_if_empty(cls, value: object) -> object:
        return value or None

    @field_validator("encryption_keys")
    @classmethod
    def _long_keys(cls, value: str) -> str:
        keys = [each.strip() for each in value.split(",")] if value else []
        if any(len(each) < SHORTEST_KEY for each in keys):
            raise ValueError(f"each key must have {SHORTEST_KEY} characters at least")
        return ",".join(keys)

    @field_validator("git_hosts", "network_hosts")
    @classmethod
    def _names_of_hosts(cls, value: list[str]) -> list[str]:
        if wrong := [host for host in value if not host or set(host) & set(":/@* ")]:
            raise ValueError(f"must be exact names of hosts, without https:// and port: {wrong}")
        return value

    @field_validator("network_local")
    @classmethod
    def _hosts_with_ports(cls, value: list[str]) -> list[str]:
        if wrong := [each for each in value if not re.fullmatch(r"[^\s/@*]+:[0-9]{1,5}", each)]:
            raise ValueError(f"must be host:port: {wrong}")
        return value

    @field_validator("packages_hosts")
    @classmethod
    def _hosts_of_either_kind(cls, value: list[str]) -> list[str]:
        host = r"(\[[0-9a-fA-F:.]+\]|[^\s:/@*]+)"
        if wrong := [each for each in value if not re.fullmatch(rf"{host}(:[0-9]{{1,5}})?", each)]:
            raise ValueError(f"must be exact names of hosts or host:port, without https://: {wrong}")
        return value

    @field_validator("searxng_url", "duckduckgo_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
            raise ValueError("must be an address such as https://search.example.org")
        return value.rstrip("/")

    @field_validator("duckduckgo_url")
    @classmethod
    def _encrypted(cls, value: str) -> str:
        if value and not value.startswith("https://"):
            raise ValueError("must begin with https://")
        return value

    @field_validator("search_rate")
    @classmethod
    def _one_rate(cls, value: str) -> str:
        return cls._rates({"search": value})["search"]

    @field_validator("service_rates")
    @classmethod
    def _rates(cls, value: dict[str, str]) -> dict[str, str]:
        rate = r"\s*(?!0+(\.0+)?\s*/)[0-9]{1,6}(\.[0-9]{1,3})?\s*/\s*(s|min|h)\s*"
        if wrong := [f"{name}: {each}" for name, each in value.items() if not name or not re.fullmatch(rate, each)]:
            raise ValueError(f"must be rates such as 5/s, 30/min or 100/h: {wrong}")
        return value

    @field_validator("database_url")
    @classmethod
    def _with_driver(cls, value: str) -> str:
        scheme, separator, rest = value.partition("://")
        if separator and scheme in ("postgres", "postgresql"):
            return f"postgresql+psycopg://{rest}"
        if separator and scheme not in ("postgresql+psycopg", "sqlite"):
            raise ValueError(f"{scheme}:// is not supported; use sqlite:// or postgresql://")
        return value

    @field_validator("broker_url")
    @classmethod
    def _redis(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("redis", "rediss", "redis+socket"):
            raise ValueError("must begin with redis://, rediss:// or redis+socket://")
        return value

    @property
    def rates(self) -> dict[str, str]:
        """How often tools and services are called at most: what is set, and what holds where it is silent."""
        return {"search:*": self.search_rate, **self.service_rates}

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.data_dir / 'opscore.db'}"

    @property
    def broker(self) -> str:
        """The broker URL in force, as Celery wants it."""
        return self.broker_url or f"redis+socket://{self.broker_socket}"

    @property
    def redis(self) -> str:
        """The same server as `broker`, as redis-py wants it."""
        return self.broker.replace("redis+socket://", "unix://", 1)

    @property
    def broker_socket(self) -> Path:
        """Socket of the embedded broker: in the data folder, or in a short one where that path is too long."""
        socket = self.data_dir / "run" / "broker.sock"
        if len(bytes(socket)) <= LONGEST_SOCKET_PATH:
            return socket
        short = Path(f"opscore-{hashlib.sha256(bytes(self.data_dir)).hexdigest()[:16]}", "broker.sock")
        socket = tempfile.gettempdir() / short
        # TMPDIR may be deep too.
        return socket if len(bytes(socket)) <= LONGEST_SOCKET_PATH else Path("/tmp") / short  # noqa: S108

    @property
    def url(self) -> str:
        """Where people reach the pages, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def token(self) -> str:
        """The API's bearer token; made and kept in the data folder when none is set."""
        return self.api_token or _kept_secret(self.data_dir / "secrets" / "token")

    @property
    def session_key(self) -> str:
        """The key that signs sessions; made and kept in the data folder when none is set."""
        return self.secret_key or _kept_secret(self.data_dir / "secrets" / "session")

    @property
    def keys(self) -> list[str]:
        """What credentials are encrypted with: by the first, and read with any of them."""
        named = [each for each in self.encryption_keys.split(",") if each]
        kept = self.data_dir / "secrets" / "encryption"
        return [*named, _kept_secret(kept)] if not named or kept.exists() else named


def _kept_secret(path: Path) -> str:
    """The secret in the file, which is made with mode 0600 when it is not there.

    Raises:
        Misconfigured: the file is empty, as a power cut or a full disk leave it: nobody may sign in with nothing.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(32), encoding="ascii")
        # A link fails when another process was first; its secret is then the one that counts.
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    secret = path.read_text(encoding="ascii").strip()
    if not secret:
        cure = "delete its file, and the next start makes a new one"
        raise Misconfigured(f"cannot use an empty secret: {cure}", file=str(path))
    return secret


@cache
def load() -> Settings:
    """The settings of this process.

    Raises:
        Misconfigured: names every variable that is wrong, and how.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = [f"{_variable(item['loc'])}: {item['msg']}" for item in error.errors()]
        raise Misconfigured("cannot use these settings", problems=problems) from error


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0])
    return name if name.isupper() else f"OPSCORE_{name.upper()}"


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """OPSCORE_* variables that nobody reads, each with the name that was probably meant, or empty."""
    known = {*READ_ELSEWHERE, *(each for name in Settings.model_fields for each in _variables(name))}
    unknown = sorted(name for name in environment if name.startswith("OPSCORE_") and name not in known)
    return {name: next(iter(difflib.get_close_matches(name, known, 1)), "") for name in unknown}


def reference() -> str:
    """The settings as a Markdown table."""
    rows = ["| variable | default | what it is |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        known_as = ", ".join(f"`{each}`" for each in _variables(name))
        rows.append(f"| {known_as} | {_shown_default(name)} | {field.description} |")
    return "\n".join(rows)


def _variables(name: str) -> list[str]:
    other = Settings.model_fields[name].validation_alias
    choices = other.choices if isinstance(other, AliasChoices) else [f"OPSCORE_{name.upper()}"]
    return list(dict.fromkeys(map(str, choices)))


def _shown_default(name: str) -> str:
    field = Settings.model_fields[name]
    if field.default_factory is not None:
        factories = {"input_roots": "the Python standard library", "terminal_allow": "common text and file programs"}
        return factories.get(name, "none")
    if isinstance(field.default, Path):
        return f"`{field.default.relative_to(PROJECT)}`"
    if isinstance(field.default, list):
        return f"`{json.dumps(field.default)}`"
    return f"`{field.default}`" if field.default not in ("", None) else "empty"


if __name__ == "__main__":
    print(reference())  # noqa: T201  (its output is the page)
