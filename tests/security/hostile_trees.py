"""Trees that a program might leave in its workspace to turn whoever looks at it against the host.

Each is made by a function of the workspace's folder and of a folder of the host, which holds `secret.txt`.  What is
tried with them: test_trusted_access.py.
"""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

SECRET = b"sesame-7f3a"
PROOF = "ran"
"""A file of the host that is there once something of a tree was run."""
"""A file beside the secret that is there once something of a tree was run."""


def links(root: Path, host: Path) -> None:
    """Links out, to each other, and to what a process sees of itself."""
    for name, target in {
        "absolute": host / "secret.txt",
        "relative": Path(os.path.relpath(host / "secret.txt", root / "output")),
        "folder": host,
        "self": Path("/proc/self/environ"),
        "root": Path("/proc/self/root"),
        "nothing": Path("nowhere"),
        "loop": Path("pool"),
        "pool": Path("loop"),
        "picture.png": host / "secret.txt",
        "page.html": host / "secret.txt",
    }.items():
        (root / "output" / name).symlink_to(target)
    (root / "README.md").unlink()
    (root / "README.md").symlink_to(host / "secret.txt")


def second_names(root: Path, host: Path) -> None:
    """Second names of a file of the host."""
    (host / "secret.txt").chmod(0o644)
    for name in ("plain", "picture.png", "page.html", "table.csv"):
        (root / "output" / name).hardlink_to(host / "secret.txt")


def specials(root: Path, _host: Path) -> None:
    """What is no file: opening it waits, or does something."""
    os.mkfifo(root / "output" / "pipe.html")
    os.mkfifo(root / "output" / "pipe")
    folder = os.open(root / "output", os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{folder}/socket")
    os.close(folder)
    if os.geteuid() == 0:
        os.mknod(root / "output" / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
        os.mknod(root / "output" / "disk.png", stat.S_IFBLK | 0o666, os.makedev(7, 0))


def deep(root: Path, _host: Path) -> None:
    """Far beyond the longest path that the system takes."""
    folder = os.open(root / "output", os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d" * 50, dir_fd=folder)
        below = os.open("d" * 50, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)


def names(root: Path, _host: Path) -> None:
    """Names that are no text, or steer what shows them, or mean something elsewhere."""
    for name in (
        b"\xff\xfe", b"new\nline", b"\x1b[2J\x1b]0;owned\x07", b"x" * 255, "\u202egnp.exe".encode(), b"..\\..\\evil",
        b"C:evil", b"-rf", b"~", b"$(touch ran)", b"<img src=x onerror=alert(1)>.html", b" ", b"LEFT OUT.txt", b"\x01",
        b"\x02", b"%2e%2e%2f", b"a?b#c&d", b"CON", b"\xf0\x9f\x92\xa9",
    ):  # fmt: skip
        (root / "output" / os.fsdecode(name)).write_bytes(b"plain")
    (root / os.fsdecode(b"dir\xff\n")).mkdir()
    (root / os.fsdecode(b"dir\xff\n") / "inside.txt").write_text("plain")


def closed(root: Path, _host: Path) -> None:
    """What its owner may not read, nor enter, nor write."""
    for mode in (0o000, 0o100, 0o400, 0o500, 0o200):
        folder = root / "output" / f"folder-{mode:o}"
        folder.mkdir()
        (folder / "file.txt").write_text("plain")
        (folder / "file.txt").chmod(mode)
        folder.chmod(mode)
    (root / "output").chmod(0o400)
    root.chmod(0o100)


def holes(root: Path, _host: Path) -> None:
    """Files of nothing: no room here, all of it elsewhere."""
    for name, size in {"huge.csv": 2**40, "large.html": 2**33, "a.png": 2**34, "small.txt": 2**20}.items():
        with (root / "output" / name).open("wb") as file:
            file.truncate(size)


def repositories(root: Path, host: Path) -> None:
    """Repositories that ask to run something, whoever uses git on them."""
    run = f"touch {host / PROOF}"
    for place in (root, root / "output" / "nested"):
        git = place / ".git"
        (git / "hooks").mkdir(parents=True)
        (git / "objects" / "info").mkdir(parents=True)
        (git / "refs").mkdir()
        (git / "HEAD").write_text("ref: refs/heads/main\n")
        (git / "config").write_text(
            f"[core]\n\tfsmonitor = {run}\n\tpager = {run}\n\tsshCommand = {run}\n\teditor = {run}\n"
            f'[filter "owned"]\n\tclean = {run}\n\tsmudge = {run}\n\trequired = true\n'
            f'[diff "owned"]\n\ttextconv = {run}\n\tcommand = {run}\n'
        )
        (git / "objects" / "info" / "alternates").write_text(f"{host}\n")
        for hook in ("pre-commit", "post-checkout", "post-index-change", "fsmonitor-watchman"):
            (git / "hooks" / hook).write_text(f"#!/bin/sh\n{run}\n")
            (git / "hooks" / hook).chmod(0o755)
        (place / ".gitattributes").write_text("* filter=owned diff=owned\n")
    (root / "output" / "worktree").mkdir()
    (root / "output" / "worktree" / ".git").write_text(f"gitdir: {host}\n")


def scripts(root: Path, _host: Path) -> None:
    """What a browser would run, under the names of what it would not, and the other way round."""
    page = b"<html><script>alert(document.domain)</script></html>"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script></svg>'
    xml = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
    pdf = b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj"
    for name, data in {
        "a.html": page, "a.png": page, "a.txt": page, "a.csv": page, "a.json": page, "a": page, "a.xhtml": page,
        "a.svg": svg, "svg.png": svg, "svg.jpg": svg, "a.svgz": svg, "a.xml": xml, "a.xsl": xml, "a.pdf": pdf,
        "pdf.html": pdf, "a.js": b"alert(1)", "a.swf": b"FWS\x09", "a.mht": page, "a.hta": page, "a.css": b"*{}",
        "both.gif": b"GIF89a/*" + page, "both.png": b"\x89PNG\r\n\x1a\n" + page,
    }.items():  # fmt: skip
        (root / "output" / name).write_bytes(data)


def records(root: Path, _host: Path) -> None:
    """Files that look like OpsCore's own."""
    manifest = b'[["../../../etc/cron.d/x","file",511,1,"' + b"0" * 40 + b'"]]'
    for name in ("seen.json", f"snapshots/{'0' * 40}.json", f"blobs/00/{'0' * 38}", "opscore.db", ".draft", "drafts/x"):
        for place in (root, root / "output"):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(manifest)


def dates(root: Path, _host: Path) -> None:
    """Times that no calendar has."""
    for number, when in enumerate((-(2**31), 0, 2**33, 2**62 // 10**9)):
        path = root / "output" / f"{number}.txt"
        path.write_text("plain")
        os.utime(path, (when, when))


TREES: tuple[Callable[[Path, Path], None], ...] = (
    links, second_names, specials, deep, names, closed, holes, repositories, scripts, records, dates,
)  # fmt: skip
