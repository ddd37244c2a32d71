"""What pip's and uv's configuration says, in the order in which they read it."""

from pathlib import Path

import pytest

from models.errors import Misconfigured
from tools.packages import host

NONE = Path("/nonexistent")


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def pip(environ: dict[str, str], home: Path = NONE, prefix: Path = NONE) -> host.Told:
    return host.pip({"XDG_CONFIG_DIRS": "/nonexistent", **environ}, home, prefix)


def uv(environ: dict[str, str], home: Path = NONE) -> host.Told:
    return host.uv({"XDG_CONFIG_DIRS": "/nonexistent", **environ}, home)


def test_pips_variables_win_over_its_files_and_the_nearer_file_over_the_farther(tmp_path: Path) -> None:
    named = written(tmp_path / "named.conf", "[global]\nindex-url = https://named.example/\n")
    written(tmp_path / ".config/pip/pip.conf", "[global]\nindex-url=https://home.example/\nretries=7\ncert=/home.pem\n")
    site = written(tmp_path / "venv/pip.conf", "[global]\ncert = /site.pem\n[install]\nfind_links = /a\n  /b\n").parent
    assert pip({}, tmp_path, site).default == "https://home.example/"
    told = pip(
        {"PIP_CONFIG_FILE": str(named), "PIP_EXTRA_INDEX_URL": "https://x.example https://y.example"}, tmp_path, site
    )
    assert told.default == "https://named.example/"
    assert told.extra == ("https://x.example", "https://y.example")
    assert (told.find_links, told.certificates) == (("/a", "/b"), ("/site.pem",))
    assert told.patience == {"UV_HTTP_RETRIES": "7"}
    assert pip({"PIP_INDEX_URL": "https://v.example", "PIP_CONFIG_FILE": str(named)}).default == "https://v.example"


def test_pip_without_files_is_asked_for_by_its_own_word(tmp_path: Path) -> None:
    written(tmp_path / ".config/pip/pip.conf", "[global]\nindex-url = https://home.example/\n")
    assert pip({"PIP_CONFIG_FILE": "/dev/null"}, tmp_path) == host.Told()


def test_uvs_variables_win_over_its_file(tmp_path: Path) -> None:
    written(
        tmp_path / ".config/uv/uv.toml",
        'extra-index-url = ["https://old.example"]\nfind-links = ["/links"]\nindex-strategy = "unsafe-best-match"\n'
        '[[index]]\nname = "one"\nurl = "https://one.example"\n'
        '[[index]]\nurl = "https://default.example"\ndefault = true\n'
        '[[index]]\nurl = "https://hidden.example"\nname = "h"\nexplicit = true\n'
        '[[index]]\nurl = "/flat"\nformat = "flat"\n',
    )
    told = uv({}, tmp_path)
    assert (told.default, told.extra) == ("https://default.example", ("https://one.example", "https://old.example"))
    assert (told.find_links, told.strategy) == (("/flat", "/links"), "unsafe-best-match")
    told = uv({"UV_DEFAULT_INDEX": "d=https://v.example/?a=b", "UV_INDEX": "n=https://i.example"}, tmp_path)
    assert told.default == "https://v.example/?a=b"
    assert told.extra[0] == "https://i.example"
    assert uv({"UV_NO_CONFIG": "1"}, tmp_path) == host.Told()


@pytest.mark.parametrize(
    ("name", "text"),
    [("pip/pip.conf", "= ["), ("uv/uv.toml", "= ["), ("uv/uv.toml", "[[index]]\nname = 'lacks-a-url'")],
)
def test_damaged_file_is_named(tmp_path: Path, name: str, text: str) -> None:
    file = written(tmp_path / ".config" / name, text)
    with pytest.raises(Misconfigured) as caught:
        (pip if "pip.conf" in name else uv)({}, tmp_path)
    assert caught.value.details["file"] == str(file)
