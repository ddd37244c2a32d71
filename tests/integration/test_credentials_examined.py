"""The doctor says whose credentials no key of this installation reads, and makes no key while it looks."""

import pytest
from flask import Flask
from sqlalchemy import update

import settings
from models.database import writing
from models.provider import Provider
from tasks.providers import records as providers
from tasks.providers.records import Wanted
from worker.installation import doctor
from worker.installation.doctor import Finding, Verdict


def found() -> Finding:
    return next(each for each in doctor.CHECKS if each.__name__ == "_credentials")(settings.load())


def test_doctor_names_the_providers_whose_credential_no_key_reads(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found().verdict is Verdict.GOOD
    for name in ("here", "there"):
        providers.create(Wanted(name, base_url="http://127.0.0.1:1/v1", credential="k" * 32))
    assert found().verdict is Verdict.GOOD
    with writing() as session:
        session.execute(update(Provider).where(Provider.name == "there").values(credential="of another key"))
    one = found()
    assert (one.verdict, "those of there:" in one.what) == (Verdict.PROBLEM, True)
    assert "OPSCORE_ENCRYPTION_KEYS" in one.cure and "bin/opscore provider change there" in one.cure
    kept = settings.load().data_dir / "secrets" / "encryption"
    kept.unlink()
    assert "those of here, there:" in found().what
    assert not kept.exists()
