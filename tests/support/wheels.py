"""Wheels written by hand, honest and not, and the two kinds of places that installers find them in."""

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

Member = str | zipfile.ZipInfo


def wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    files: Mapping[str, str] | None = None,
    *,
    needs: Sequence[str] = (),
    scripts: Mapping[str, str] | None = None,
    more: Sequence[tuple[Member, str]] = (),
    tag: str = "py3-none-any",
) -> Path:
    """A wheel in the folder: a module of its own name, `needs` other packages, `scripts` as name to module:function.

    `more` are members as they are, with whatever path and mode.
    """
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    texts: dict[str, str] = {
        **(files or {f"{module}.py": f"version = {version!r}\n"}),
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {each}\n" for each in needs),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    if scripts:
        lines = "".join(f"{script} = {target}\n" for script, target in scripts.items())
        texts[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}"
    members: list[tuple[Member, str]] = [*texts.items(), *more]
    record = "".join(f"{_path(member)},{_digest(text)},{len(text.encode())}\n" for member, text in members)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, text in (*members, (f"{info}/RECORD", f"{record}{info}/RECORD,,\n")):
            archive.writestr(member, text)
    return path


def source(folder: Path, name: str, version: str, files: Mapping[str, str]) -> Path:
    """A source archive with a PKG-INFO and these files."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}.tar.gz"
    info = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with tarfile.open(path, "w:gz") as archive:
        for file, text in {"PKG-INFO": info, **files}.items():
            member = tarfile.TarInfo(f"{name}-{version}/{file}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def index(folder: Path, wheels: Sequence[Path]) -> Path:
    """A folder index of these files, which lie beside it: folder/simple and folder/files."""
    by_name: dict[str, list[Path]] = {}
    for path in wheels:
        by_name.setdefault(path.name.split("-")[0].replace("_", "-"), []).append(path)
    (folder / "files").mkdir(parents=True, exist_ok=True)
    for name, paths in by_name.items():
        page = folder / "simple" / name / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("".join(_link(path, f"../../files/{path.name}") for path in paths))
        for path in paths:
            (folder / "files" / path.name).write_bytes(path.read_bytes())
    return folder / "simple"


def metadata(path: Path) -> bytes:
    """What the wheel says of itself."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))


def member(path: str, mode: int) -> zipfile.ZipInfo:
    """A member of an archive with a file mode of its own."""
    info = zipfile.ZipInfo(path)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def _link(path: Path, target: str) -> str:
    return f'<a href="{target}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}">{path.name}</a>\n'


def _path(member: Member) -> str:
    return member if isinstance(member, str) else member.filename


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
