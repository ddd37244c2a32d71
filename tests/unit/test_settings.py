"""Settings are read from the environment, all problems are told together, and what nobody reads is named."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

import settings
from models.errors import Misconfigured
from models.rate import Rate


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPSCORE_DATA_DIR", str(tmp_path))
    settings.load.cache_clear()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_database_url_of_a_platform_gets_our_driver(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPSCORE_DATABASE_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://user:pass@host/name")
    assert settings.Settings().database == "postgresql+psycopg://user:pass@host/name"


def test_ours_wins_over_the_platforms_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1000")
    monkeypatch.setenv("OPSCORE_PORT", "2000")
    assert settings.Settings().port == 2000


def test_all_problems_are_told_together_by_the_variables_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCORE_PORT", "none")
    monkeypatch.setenv("OPSCORE_LOG_FORMAT", "xml")
    monkeypatch.setenv("OPSCORE_DATABASE_URL", "mysql://host/name")
    with pytest.raises(Misconfigured) as caught:
        settings.load()
    told = " ".join(caught.value.details["problems"])
    assert all(name in told for name in ("OPSCORE_PORT", "OPSCORE_LOG_FORMAT", "OPSCORE_DATABASE_URL"))


def test_secret_is_made_once_and_is_nobody_elses_to_read(tmp_path: Path) -> None:
    first, second = settings.Settings(data_dir=tmp_path), settings.Settings(data_dir=tmp_path)
    assert len(first.token) > 30 and first.token == second.token != first.session_key
    assert (tmp_path / "secrets" / "token").stat().st_mode & 0o077 == 0


def test_socket_of_a_deep_data_folder_has_a_short_path(tmp_path: Path) -> None:
    deep = settings.Settings(data_dir=tmp_path / ("d" * 120))
    assert len(str(deep.broker_socket)) <= settings.LONGEST_SOCKET_PATH
    assert settings.Settings(data_dir=tmp_path / ("e" * 120)).broker_socket != deep.broker_socket


def test_socket_has_a_short_path_where_the_folder_for_temporary_files_is_deep_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("t" * 120)))
    deep = settings.Settings(data_dir=tmp_path / ("d" * 120))
    assert len(str(deep.broker_socket)) <= settings.LONGEST_SOCKET_PATH


def test_mistyped_variable_is_named_with_what_was_meant() -> None:
    found = settings.unknown_variables({"OPSCORE_PROT": "1", "OPSCORE_PORT": "1", "OPSCORE_URL": "x", "HOME": "/"})
    assert found == {"OPSCORE_PROT": "OPSCORE_PORT"}


def test_reference_names_every_setting() -> None:
    page = settings.reference()
    assert all(f"OPSCORE_{name.upper()}" in page for name in settings.Settings.model_fields)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPSCORE_GIT_HOSTS", '["https://git.example"]'),
        ("OPSCORE_GIT_HOSTS", '["git.example:443"]'),
        ("OPSCORE_NETWORK_HOSTS", '["*.example"]'),
        ("OPSCORE_NETWORK_HOSTS", '[""]'),
        ("OPSCORE_NETWORK_LOCAL", '["intranet"]'),
        ("OPSCORE_NETWORK_LOCAL", '["https://intranet:443"]'),
        ("OPSCORE_PACKAGES_HOSTS", '["https://files.example"]'),
        ("OPSCORE_PACKAGES_HOSTS", '["files.example/simple"]'),
    ],
)
def test_host_that_would_never_be_reached_is_named(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(Misconfigured) as caught:
        settings.load()
    assert variable in caught.value.details["problems"][0]


def test_certificates_of_the_host_are_trusted_unless_ours_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/of-the-host.pem")
    assert settings.Settings().ca_bundle == Path("/etc/of-the-host.pem")
    monkeypatch.setenv("OPSCORE_CA_BUNDLE", "/etc/ours.pem")
    assert settings.Settings().ca_bundle == Path("/etc/ours.pem")
    monkeypatch.delenv("OPSCORE_CA_BUNDLE")
    monkeypatch.setenv("SSL_CERT_FILE", "")
    assert settings.Settings().ca_bundle is None


@pytest.mark.parametrize("wrong", ["5", "five/s", "0/s", "0.0/min", "5/day", "-1/s", ""])
def test_rate_that_is_none_is_named_with_what_to_write(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCORE_SERVICE_RATES", json.dumps({"web:*": wrong}))
    with pytest.raises(ValidationError, match="rates such as 5/s, 30/min or 100/h"):
        settings.Settings()


def test_rate_that_the_settings_take_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {"web:*": "5/s", "git:github.com": "30 / min", "web.fetch": "0.5/h"}
    monkeypatch.setenv("OPSCORE_SERVICE_RATES", json.dumps(rates))
    assert [Rate.read(each).per_s for each in settings.Settings().service_rates.values()] == [5, 0.5, 0.5 / 3600]


@pytest.mark.parametrize("name", ["data_dir", "tool_env"])
def test_empty_folder_is_not_the_current_one(name: str) -> None:
    with pytest.raises(ValidationError, match="must name a folder"):
        settings.Settings(**{name: ""})


def test_encryption_keys_are_long_and_the_kept_one_goes_on_reading(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="32 characters"):
        settings.Settings(data_dir=tmp_path, encryption_keys=f"{'n' * 32},short")
    named = settings.Settings(data_dir=tmp_path, encryption_keys=f" {'n' * 32} , {'o' * 32}")
    assert named.keys == ["n" * 32, "o" * 32]
    kept = settings.Settings(data_dir=tmp_path).keys
    assert named.keys == ["n" * 32, "o" * 32, *kept] and len(kept[0]) >= 32
