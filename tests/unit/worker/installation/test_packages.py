"""Which command installs a program here, by the package manager that the system has."""

import pytest

from worker.installation import packages


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("apt-get", "apt-get install -y bubblewrap"),
        ("dnf", "dnf install -y bubblewrap"),
        ("apk", "apk add bubblewrap"),
        ("pacman", "pacman -S bubblewrap"),
        ("zypper", "zypper install bubblewrap"),
    ],
)
@pytest.mark.parametrize(("uid", "prefix"), [(0, ""), (1000, "sudo ")])
def test_the_command_is_the_manager_s_own(
    monkeypatch: pytest.MonkeyPatch, manager: str, command: str, uid: int, prefix: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}" if name == manager else None)
    monkeypatch.setattr("os.geteuid", lambda: uid)
    assert packages.command_for("bwrap") == prefix + command


def test_an_unknown_system_has_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert packages.command_for("bwrap") is None
    assert packages.install("bwrap") == "only root can install it"
