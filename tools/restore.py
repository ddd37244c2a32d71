"""Put a snapshot back into a workspace.  Used by history.py."""

import os
from collections.abc import Mapping

from tools import files_at, removal
from tools.blobs import Blobs
from tools.manifest import FOLDER, LINK, Item, Manifest
from tools.workspace import Workspace


def restore(manifest: Manifest, blobs: Blobs, into: Workspace) -> None:
    """Make `into` hold exactly what the manifest says."""
    folders = [item for item in manifest.items.values() if item.kind == FOLDER]
    with into.root() as root:
        removal.empty(root)
        for item in folders:
            files_at.make_folders(root, item.path, into.owner)
        for item in manifest.contents.values():
            with files_at.folder_of(root, item.path) as (folder, name):
                _put(item, folder, name, blobs, into.owner)
        # Deepest first, and last of all: a folder that may not be written to could not be filled.
        for item in reversed(folders):
            with files_at.folder_of(root, item.path) as (folder, name):
                files_at.take_back(folder, name, item.mode)


def bring(manifest: Manifest, paths: Mapping[str, str], blobs: Blobs, into: Workspace) -> None:
    """Copy these files of the manifest to other paths of `into`, where nothing is yet; making their folders."""
    with into.root() as root:
        for path, target in paths.items():
            with files_at.folder_of(root, target, make=True, owner=into.owner) as (folder, name):
                _put(manifest.items[path], folder, name, blobs, into.owner)


def _put(item: Item, folder: int, name: str, blobs: Blobs, owner: int | None) -> None:
    if item.kind == LINK:
        os.symlink(item.content, name, dir_fd=folder)
        files_at.give(folder, name, owner)
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    target = os.open(name, flags, 0o600, dir_fd=folder)
    try:
        with blobs.open(item.content) as source:
            files_at.copy_bytes(source.fileno(), target, item.size)
        if owner is not None:
            os.fchown(target, owner, owner)
        os.fchmod(target, item.mode)
    finally:
        os.close(target)
