"""Clone one repository: run inside the sandbox by a bare Python, never imported.

    python -I -S clone.py URL FOLDER SHOWN DEPTH BRANCH COMMIT        empty BRANCH and COMMIT: the host's default

Prints what it made, by the folder's name in the workspace (SHOWN), as one line of JSON.  Nothing of the workspace
tells git what to do: no configuration, hook, template, helper or prompt, and no way to fetch but https.
"""

import json
import os
import shutil
import subprocess
import sys

CONFIGURATION = {
    "protocol.allow": "never",
    "protocol.https.allow": "always",
    "credential.helper": "",
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "init.defaultBranch": "main",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "advice.detachedHead": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "https",
    "GIT_ASKPASS": "/bin/false",
    "GIT_LFS_SKIP_SMUDGE": "1",
}


def clone(url: str, folder: str, depth: list[str], branch: str) -> None:
    """The branch, or the default one."""
    chosen = ["--branch", branch] if branch else []
    single = ["--single-branch"] if depth else []
    git("clone", "--quiet", "--template=", "--no-recurse-submodules", *single, *depth, *chosen, "--", url, folder)


def take(url: str, folder: str, depth: list[str], commit: str) -> None:
    """One commit, which may be on no branch."""
    git("init", "--quiet", "--template=", "--", folder)
    git("-C", folder, "remote", "add", "--", "origin", url)
    git("-C", folder, "fetch", "--quiet", "--no-tags", *depth, "--", "origin", commit)
    git("-C", folder, "checkout", "--quiet", "--detach", commit, "--")


def git(*words: str) -> str:
    """What git printed.  Where it fails, so do we, with its code; it has said why on stderr."""
    settings = [word for name, value in CONFIGURATION.items() for word in ("-c", f"{name}={value}")]
    finished = subprocess.run(
        ["git", *settings, *words], env={**os.environ, **ENVIRONMENT}, stdout=subprocess.PIPE, text=True, check=False
    )
    if finished.returncode != 0:
        sys.exit(finished.returncode if finished.returncode > 0 else 128 - finished.returncode)
    return finished.stdout.strip()


def main(url: str, folder: str, shown: str, depth: str, branch: str, commit: str) -> None:
    """Do it; a failure leaves no folder."""
    shallow = [] if depth == "0" else ["--depth", depth]
    try:
        if commit:
            take(url, folder, shallow, commit)
        else:
            clone(url, folder, shallow, branch)
        print(json.dumps({"path": shown, "commit": git("-C", folder, "rev-parse", "HEAD")}))  # noqa: T201
    except SystemExit:
        shutil.rmtree(folder, ignore_errors=True)
        raise


if __name__ == "__main__":
    main(*sys.argv[1:])
