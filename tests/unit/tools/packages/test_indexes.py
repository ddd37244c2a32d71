"""Which indexes that makes, what must be reached and shown for them, and what is never told."""

import tomllib
from pathlib import Path

import pytest

from models.errors import Misconfigured
from tests.support import wheels
from tools.packages import indexes, own_default, shown
from tools.packages.indexes import Indexes

BARE = {"PIP_CONFIG_FILE": "/dev/null", "UV_NO_CONFIG": "1", "HOME": "/nonexistent"}


def test_without_configuration_it_is_pips_own_index_with_the_host_of_its_files() -> None:
    from pip._internal.models.index import PyPI

    found = indexes.of_this_host(BARE)
    assert (found.default, found.extra, found.find_links) == (PyPI.simple_url, (), ())
    assert found.hosts == {PyPI.netloc, PyPI.file_storage_domain}


def test_every_pip_that_is_here_says_so_in_its_source() -> None:
    found = list(own_default._sources())
    assert found and all(b"file_storage_domain" in source for source in found)


def test_both_configurations_count_and_each_index_once(tmp_path: Path) -> None:
    environ = {
        **BARE,
        "UV_INDEX": "https://a.example/simple",
        "PIP_EXTRA_INDEX_URL": f"https://b.example:8443/simple https://a.example/simple {tmp_path}",
        "PIP_INDEX_URL": "https://c.example/simple",
        "PIP_FIND_LINKS": f"{tmp_path} /nonexistent",
    }
    found = indexes.of_this_host(environ)
    assert found.default == "https://c.example/simple"
    assert found.extra == ("https://a.example/simple", "https://b.example:8443/simple", tmp_path.as_uri())
    assert found.find_links == (tmp_path.as_uri(),)
    assert found.hosts == {"a.example", "b.example:8443", "c.example"}
    assert found.folders == (tmp_path,)
    assert found.without_network().all == (tmp_path.as_uri(), tmp_path.as_uri())


def test_uv_is_told_in_this_order_and_never_left_to_its_own_default(tmp_path: Path) -> None:
    told = tomllib.loads(Indexes("https://c.example", ("https://a.example",)).as_configuration())
    assert [(index["url"], index["default"]) for index in told["index"]] == [
        ("https://a.example", False),
        ("https://c.example", True),
    ]
    assert told["index-strategy"] == "first-index" and "no-index" not in told
    assert tomllib.loads(Indexes(None, ("https://a.example",)).as_configuration())["index"][0]["default"] is True
    assert tomllib.loads(Indexes(None, (), ("file:///a",)).as_configuration())["no-index"] is True


@pytest.mark.parametrize("told", ["http://a.example", "ftp://a.example", "s3://a", "https:///simple", "/nonexistent"])
def test_index_that_is_neither_https_nor_a_folder_is_refused(told: str) -> None:
    with pytest.raises(Misconfigured, match="cannot use the index"):
        indexes.of_this_host({**BARE, "PIP_INDEX_URL": told})


def test_certificates_of_both_are_trusted_and_must_be_some(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(f"-----BEGIN CERTIFICATE-----\n{name}\n")
    environ = {**BARE, "SSL_CERT_FILE": str(tmp_path / "a"), "PIP_CERT": str(tmp_path / "b")}
    assert indexes.of_this_host(environ).certificates.count(b"BEGIN") == 2
    (tmp_path / "a").write_text("no")
    with pytest.raises(Misconfigured):
        indexes.of_this_host(environ)


def test_passwords_are_known_as_what_is_never_shown() -> None:
    found = Indexes("https://me:p%21ss@a.example/simple", ("https://token@b.example",))
    assert set(found.secrets) == {"p%21ss", "p!ss", "token"}
    assert found.has_secrets and not Indexes("https://a.example").has_secrets
    assert found.hosts == {"a.example", "b.example"}


def test_folder_that_changed_makes_another_question(tmp_path: Path) -> None:
    found = Indexes(None, (), (tmp_path.as_uri(),))
    before = found.key
    assert found.key == before
    (tmp_path / "new.whl").touch()
    assert found.key != before


def test_index_is_shown_with_the_folder_of_its_files_and_nothing_beside(tmp_path: Path) -> None:
    simple = wheels.index(tmp_path / "index", [wheels.wheel(tmp_path / "made", "six")])
    (tmp_path / "index" / "private").mkdir()
    page = simple / "six" / "index.html"
    page.write_text(page.read_text() + '<a href="../../../made/x.whl">x</a><a href="https://a.example/x.whl">y</a>')
    found = shown.folders(Indexes(simple.as_uri()), ())
    assert set(found) == {simple, tmp_path / "index" / "files"}


def test_folder_of_a_home_is_shown_only_with_nothing_but_packages_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "wheels"
    wheels.wheel(folder, "six")
    links = Indexes(None, (), (folder.as_uri(),))
    assert shown.folders(links, ()) == (folder,)
    (folder / "letter.odt").touch()
    with pytest.raises(Misconfigured):
        shown.folders(links, ())
    with pytest.raises(Misconfigured):
        shown.folders(Indexes(None, (), (tmp_path.as_uri(),)), ())


def test_folder_that_only_root_may_read_is_named_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.identity.drops_uid", lambda: True)
    folder = tmp_path / "wheels"
    folder.mkdir(mode=0o700)
    with pytest.raises(Misconfigured) as caught:
        shown.folders(Indexes(None, (), (folder.as_uri(),)), ())
    assert caught.value.details["cure"] == f"chmod -R o+rX {folder}"
