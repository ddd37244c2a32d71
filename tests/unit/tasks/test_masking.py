"""Secrets are taken out of texts and values, known ones wherever they stand and others by their form."""

import time
from pathlib import Path

import pytest

from settings import Settings
from tasks.masking import MASK, Masks, of_installation

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0\nmore\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("key sk-or-v1-0123456789abcdef0123 ok", "sk-or-v1-0123456789abcdef0123"),
        ("sk-proj-AbCd_0123456789-abcdef", "sk-proj-AbCd_0123456789-abcdef"),
        ("ghp_0123456789abcdefghij0123456789abcdef", "ghp_0123456789abcdefghij"),
        ("github_pat_11ABCDEFG0123456789_abcdefgh", "github_pat_11ABCDEFG"),
        ("glpat-abcdefghij0123456789", "glpat-abcdefghij"),
        ("xoxb-123456789012-abcdefGHIJ", "xoxb-123456789012"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("AIzaSyA0123456789abcdefghijklmnopqrstuv", "AIzaSyA0123456789"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "eyJzdWIiOiIxMjM0In0"),
        ("Authorization: Bearer abcdef0123456789", "abcdef0123456789"),
        ("authorization: basic dXNlcjpwYXNzd29yZDE=", "dXNlcjpwYXNzd29yZDE="),
        ("postgresql://opscore:hunter2hunter2@db/opscore", "hunter2hunter2"),
        ('{"api_key": "plainlookingvalue"}', "plainlookingvalue"),
        ("password = 'correct horse battery'", "correct horse battery"),
        ("export MAIL_PASSWORD=swordfish1", "swordfish1"),
        (KEY, "MIIEpAIBAAKCAQEA0"),
        (KEY[:50], "MIIEpAIBAAKCAQEA0"[:10]),
    ],
)
def test_secret_of_a_known_form_is_masked(text: str, secret: str) -> None:
    assert secret in text
    masked = Masks().text(f"before {text} after")
    assert secret not in masked
    assert MASK in masked
    assert masked.startswith("before ")


@pytest.mark.parametrize(
    "text",
    [
        "A basic understanding of bearer instruments.",
        "task-management, risk-assessment-for-everybody, desk-0123456789",
        "token = request.headers.get('Authorization')",
        "password = getpass.getpass()",
        "input_tokens: 1200, output_tokens: 40",
        "http://127.0.0.1:8090/v1/models",
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Masks().text(text) == text


def test_known_secret_is_masked_wherever_it_stands() -> None:
    masks = Masks(["pass word/1", "word/1 and more", ""])
    assert masks.text("x=pass word/1y word/1 and more") == f"x={MASK}y {MASK}"
    assert masks.text("?q=pass%20word%2F1&r") == f"?q={MASK}&r"
    assert masks.text("a short text") == "a short text"


def test_values_are_masked_within_and_stay_what_they_are() -> None:
    masks = Masks(["hunter2hunter2"])
    told = {"usage": {"input_tokens": 12, "cost": None}, "list": ["hunter2hunter2", 1, True], "api_key": "short"}
    expected = {"usage": {"input_tokens": 12, "cost": None}, "list": [MASK, 1, True], "api_key": MASK}
    assert masks.value(told) == expected


def test_installation_knows_its_own_secrets(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path,
        encryption_keys="an-encryption-key-of-32-letters-or-so",
        database_url="postgresql://opscore:database-secret@db/x",
    )
    secrets = [
        settings.token,
        settings.session_key,
        "database-secret",
        "a-provider-credential",
        settings.encryption_keys,
    ]
    (tmp_path / "secrets" / "other").write_text("one-more-secret\n")
    masks = of_installation(settings, ["a-provider-credential"])
    for secret in [*secrets, "one-more-secret"]:
        assert masks.text(f"<{secret}>") == f"<{MASK}>"


def test_asking_for_masks_makes_no_secret(tmp_path: Path) -> None:
    of_installation(Settings(data_dir=tmp_path / "none"))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("part", ["-----BEGIN PRIVATE KEY-----", "://a:", "token: '", "eyJaaaaaaaaa.", "A_", "bearer "])
def test_hostile_text_does_not_take_for_ever(part: str) -> None:
    began = time.process_time()
    Masks().text(part * (400_000 // len(part)))
    assert time.process_time() - began < 10
