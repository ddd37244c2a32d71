"""Programs on the terminal's allow-list that start others, or open files: what the list cannot stop.

They do run.  The list is a convenience for agents; what counts is that nothing of the host is reached.  All read a
secret of the host, start a program that does, or write where the host would notice.
"""

from tests.security.attacks.attack import Command

KIND = "allow list"
READ = "echo ran; cat <secret_path>"
READ_ALOUD = "(echo ran; cat <secret_path>) >&2"
PROGRAM = "a host without this program"


def _starting(name: str, *command: str, may_lack: str = "", is_long: bool = True) -> Command:
    """A command that starts what is not on the list, which says so and reads the secret."""
    return Command(
        name=name, kind=KIND, command=command, proof="<secret>", ran="ran", may_lack=may_lack, is_long=is_long
    )


def _reading(name: str, *command: str, may_lack: str = "", is_long: bool = True) -> Command:
    """A command that opens the secret by itself."""
    return Command(name=name, kind=KIND, command=command, proof="<secret>", may_lack=may_lack, is_long=is_long)


FIND = _starting(
    "start a program by find", "find", ".", "-maxdepth", "0", "-exec", "sh", "-c", READ, ";", is_long=False
)
ENV = _starting("start a program by env", "env", "A=b", "sh", "-c", READ, is_long=False)
XARGS = _starting("start a program by xargs", "xargs", "-a", "/dev/null", "sh", "-c", READ)
NICE = _starting("start a program by nice", "nice", "sh", "-c", READ)
TIMEOUT = _starting("start a program by timeout", "timeout", "9", "sh", "-c", READ)
SETSID = _starting("start a program by setsid", "setsid", "--wait", "sh", "-c", READ)
NOHUP = _starting("start a program by nohup", "nohup", "sh", "-c", READ)
STDBUF = _starting("start a program by stdbuf", "stdbuf", "-o0", "sh", "-c", READ)
SH = _starting("start a program by the shell", "sh", "-c", READ)
AWK = _starting("start a program by awk", "awk", f'BEGIN {{ system("{READ}") }}', is_long=False)
SED = _starting("start a program by sed", "sed", "-n", f"1e {READ}", "/usr/bin/env")
TAR = _starting(
    "start a program by tar at a checkpoint",
    "tar", "-cf", "/dev/null", "--checkpoint=1", f"--checkpoint-action=exec=sh -c '{READ}'", "/bin/sh",
    is_long=False,
)  # fmt: skip
TAR_PACK = _starting(
    "start a program by tar as a packer", "tar", "-cf", "x.tar", "-I", f"sh -c '{READ_ALOUD}'", "/bin/sh"
)
SPLIT = _starting("start a program by split", "split", f"--filter={READ}", "-b", "1G", "/bin/sh")
SORT = _starting(
    "start a program by sort",
    "sh", "-c", f"printf '#!/bin/sh\\n{READ_ALOUD}\\ncat\\n' > p; chmod +x p; "
    "seq 3000 | sort -S 1k --compress-program=./p | tail -1",
)  # fmt: skip
LOADER = _starting(
    "start a program by the loader",
    "sh",
    "-c",
    f"$(ls /lib64/ld-linux* /lib/ld-linux* 2>/dev/null | head -1) /bin/sh -c '{READ}'",
)
GIT = _starting(
    "start a program by an alias of git", "git", "-c", f"alias.x=!{READ}", "x", may_lack=PROGRAM, is_long=False
)
GIT_EDITOR = _starting(
    "start a program as git's editor",
    "git", "-c", f"core.editor={READ} #", "config", "--file", "x", "--edit", may_lack=PROGRAM,
)  # fmt: skip
GIT_EXT = _starting(
    "start a program as git's way to a host",
    "git", "-c", "protocol.ext.allow=always", "ls-remote", f"ext::sh -c {READ_ALOUD.replace(' ', '% ')}",
    may_lack=PROGRAM,
)  # fmt: skip
GIT_HOOK = _starting(
    "start a program by a hook of git",
    "sh", "-c", f"git init -q . && printf '#!/bin/sh\\n{READ}\\n' > .git/hooks/post-checkout && "
    "chmod +x .git/hooks/post-checkout && "
    "git -c user.name=a -c user.email=b commit -q --allow-empty -m x && git checkout -q -b y 2>&1", may_lack=PROGRAM,
)  # fmt: skip
PERL = _starting("start a program by perl", "perl", "-e", f"system('{READ}')", may_lack=PROGRAM)
MAKE = _starting("start a program by make", "make", "-f", "/dev/null", "--eval", f"x:; @{READ}", "x", may_lack=PROGRAM)
PYTHON = _starting("start a program by Python", "python3", "-c", f"import os; os.system('{READ}')", may_lack=PROGRAM)
CAT = _reading("read a file of the host by cat", "cat", "<secret_path>")
DD = _reading("read a file of the host by dd", "dd", "if=<secret_path>", is_long=False)
DATE = _reading("read a file of the host by the errors of date", "sh", "-c", "date -f <secret_path> 2>&1")
DIFF = _reading("read a file of the host by diff", "diff", "/dev/null", "<secret_path>")
COPY = _reading("read a file of the host by a copy", "sh", "-c", "cp <secret_path> copied; cat copied")
TAR_READ = _reading("read a file of the host by packing it", "tar", "-cPf", "/dev/stdout", "<secret_path>")
GIT_DIFF = _reading(
    "read a file of the host by git", "git", "diff", "--no-index", "/dev/null", "<secret_path>", may_lack=PROGRAM
)
GREP = _reading("read a file of the host by looking for it everywhere", "grep", "-rhs", "sesame", "<folder>")
BASE64 = _reading("read a file of the host disguised", "sh", "-c", "base64 <secret_path> | base64 -d")
CURL = _reading("read a file of the host by curl", "curl", "-s", "file://<secret_path>", may_lack=PROGRAM)
TEE = Command(
    name="write a file of the host by tee",
    kind=KIND,
    command=("sh", "-c", "echo x | tee <drop>/tee >/dev/null && rm <drop>/tee && echo is there; echo ran"),
    proof="is there",
    ran="ran",
)
ENVIRONMENT = Command(
    name="read the worker's secrets by the shell",
    kind=KIND,
    command=("sh", "-c", "env; for p in <worker> 1 $PPID; do tr '\\0' '\\n' < /proc/$p/environ; done; echo ran"),
    proof="<environment_secret>",
    ran="ran",
)
PS = Command(
    name="see the host's processes by the shell",
    kind=KIND,
    command=("sh", "-c", "cat /proc/[0-9]*/cmdline 2>&1 | tr '\\0' ' '; echo ran"),
    proof="<marker>",
    ran="ran",
)
