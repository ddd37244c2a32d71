"""Which folders of the host the installer sees: those that are an index, and never more than that.

An index of this host may keep its files beside itself ("simple/" and "files/"); its own pages say where.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from models.errors import Misconfigured
from tools import identity
from tools.packages.indexes import Indexes

_SYSTEM = {"bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin"}
_SYSTEM |= {"srv", "sys", "tmp", "usr", "var"}
_HOMES = Path("/home")
_NEVER_BELOW = {"dev", "etc", "proc", "run", "sys"}
_ABOUT_PACKAGES = re.compile(r"\.(whl|zip|tar\.\w+|tgz|html|json|metadata|asc|sig|txt|md)$", re.IGNORECASE)
_LINK = re.compile(r"""href\s*=\s*["']([^"'#]+)""", re.IGNORECASE)
_PAGE_BYTES = 2**20


def folders(indexes: Indexes, private: tuple[Path, ...]) -> tuple[Path, ...]:
    """The folders to show read-only.

    `private` are folders of OpsCore; a folder that holds one of them, or a home, is refused.

    Raises:
        Misconfigured: a folder would show more than packages; says which, and the cure.
    """
    beside = (each for folder in indexes.simple_folders for each in _beside(folder))
    found = dict.fromkeys(folder.resolve() for folder in (*indexes.folders, *beside))
    for folder in found:
        _check(folder, private)
    # One inside of another is seen with it.
    return tuple(each for each in found if not any(each != other and each.is_relative_to(other) for other in found))


def _beside(index: Path) -> Iterator[Path]:
    """Folders that the index's pages send to, next to it."""
    seen: set[str] = set()
    for page in sorted(index.glob("*/index.html")):
        with page.open("rb") as file:
            text = file.read(_PAGE_BYTES).decode("utf-8", "replace")
        seen.update(_folder_of(page, start) for start in {link.rpartition("/")[0] for link in _LINK.findall(text)})
    for each in sorted(seen):
        folder = Path(each)
        if not folder.is_relative_to(index) and folder.is_relative_to(index.parent) and folder.is_dir():
            yield folder


def _folder_of(page: Path, start: str) -> str:
    """The folder that links of the page which start like this lead to."""
    target = urlsplit(urljoin(page.as_uri(), f"{start}/" if start else ""))
    return unquote(target.path).rstrip("/") if target.scheme == "file" and start else str(page.parent)


def _check(folder: Path, private: tuple[Path, ...]) -> None:
    parts = folder.parts[1:]
    is_system = not parts or (len(parts) == 1 and parts[0] in _SYSTEM) or parts[0] in _NEVER_BELOW
    is_home = folder.parent == _HOMES or any(each.is_relative_to(folder) for each in (Path.home(), *private))
    is_in_home = folder.is_relative_to(Path.home()) or folder.is_relative_to(_HOMES)
    if is_system or is_home or (is_in_home and not _holds_packages_only(folder)):
        raise Misconfigured(
            "cannot show the folder of an index to the installer: it holds more than packages",
            folder=str(folder),
            cure="put the packages into a folder of their own",
        )
    if identity.drops_uid() and folder.stat().st_mode & 0o005 != 0o005:
        raise Misconfigured(
            "cannot show the folder of an index to the installer, which does not run as root: it is closed to others",
            folder=str(folder),
            cure=f"chmod -R o+rX {folder}",
        )


def _holds_packages_only(folder: Path) -> bool:
    """Whether what is right in it looks like packages, or like the folders of an index."""
    return not any(
        each.name.startswith(".") or (each.is_file() and not _ABOUT_PACKAGES.search(each.name))
        for each in folder.iterdir()
    )
