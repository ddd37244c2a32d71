"""What agents really run works inside, on each tier: version control, compilers, Node, and Python's own heavy ones.

The filter of system calls is default deny (docs/decisions/0013-default-deny.md): these are the programs it must let
through.  A program that the machine does not have is skipped, and the reason says so.
"""

import shutil
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.support.boxed import Box
from tools.contract import Finished, Limits
from tools.sandbox.contract import Inside

PATIENT = Limits(wall_s=120)
NO_SOCKETS = pytest.mark.not_on_tier(3, "programs have no sockets there but pairs")


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skips where the machine lacks a program, or has it where no sandbox shows it."""
    missing = [name for name in programs if not (shutil.which(name) or "").startswith(("/usr/", "/bin/"))]
    return pytest.mark.skipif(bool(missing), reason=f"not on this machine: {', '.join(missing)}")


def shell(box: Box, script: str) -> Finished:
    """Run a script that stops at the first failure."""
    return box.run("sh", "-euc", script, tool_env=box.tool_env, limits=PATIENT)


def python(box: Box, code: str, *arguments: str) -> Finished:
    """Run a program of the agents' Python: a file, as multiprocessing wants one to import again."""
    box.workspace.write_bytes("src/program.py", code.encode())
    return box.run("python", "src/program.py", *arguments, tool_env=box.tool_env, limits=PATIENT)


def printed(finished: Finished) -> list[str]:
    """The lines of a program that must have succeeded."""
    assert (finished.exit_code, finished.hit) == (0, None), finished.stderr.text
    return finished.stdout.text.splitlines()


@needs("git")
def test_git_keeps_a_project(box: Box) -> None:
    finished = shell(
        box,
        """
        git init -q -b main project && cd project
        git config user.email a@example.org && git config user.name A
        echo one > file && git add . && git commit -qm one
        git switch -qc side && echo two > other && git add . && git commit -qm two
        git switch -q main && echo three >> file && git commit -qam three && git merge -q --no-edit side
        git gc -q && git fsck --strict 2>&1
        cd .. && git clone -q --no-hardlinks project copy && git -C copy stash list && git -C copy log --format=%s
        """,
    )
    assert set(printed(finished)) == {"one", "two", "three", "Merge branch 'side'"}


@needs("gcc", "make", "ar")
def test_gcc_compiles_links_and_runs(box: Box) -> None:
    box.workspace.write_bytes("src/twice.c", b"int twice(int n) { return 2 * n; }\n")
    box.workspace.write_bytes(
        "src/main.c",
        b"""
        #include <pthread.h>
        #include <stdio.h>
        int twice(int);
        static void *work(void *n) { *(int *)n = twice(*(int *)n); return 0; }
        int main(void) {
            int n = 21; pthread_t thread;
            if (pthread_create(&thread, 0, work, &n) || pthread_join(thread, 0)) return 1;
            printf("%d\\n", n); return 0;
        }
        """,
    )
    box.workspace.write_bytes(
        "src/Makefile",
        b"main: main.o libtwice.a\n\tgcc -pthread -o $@ main.o -L. -ltwice\n"
        b"libtwice.a: twice.o\n\tar rcs $@ $^\n%.o: %.c\n\tgcc -O2 -Wall -Werror -c $<\n",
    )
    assert printed(shell(box, "make -s -j2 -C src && src/main")) == ["42"]


@needs("node")
def test_node_works_with_threads_children_and_files(box: Box) -> None:
    code = b"""
    const { Worker } = require("worker_threads");
    const { execFileSync } = require("child_process");
    const fs = require("fs/promises");
    (async () => {
      await fs.writeFile("output/made.txt", "made");
      console.log(String(await fs.readFile("output/made.txt")), String(execFileSync("echo", ["child"])).trim());
      const worker = new Worker('require("worker_threads").parentPort.postMessage("thread")', { eval: true });
      worker.once("message", (said) => console.log(said));
    })();
    """
    box.workspace.write_bytes("src/program.js", code)
    assert printed(shell(box, "node src/program.js")) == ["made child", "thread"]


@NO_SOCKETS
@needs("node")
def test_node_serves_on_loopback(box: Box) -> None:
    code = b"""
    const http = require("http");
    const server = http.createServer((request, response) => response.end("served " + request.url));
    server.listen(0, "127.0.0.1", async () => {
      console.log(await (await fetch(`http://127.0.0.1:${server.address().port}/page`)).text());
      server.closeAllConnections(); server.close();
    });
    """
    box.workspace.write_bytes("src/program.js", code)
    assert printed(shell(box, "node src/program.js")) == ["served /page"]


def test_pytest_tests_a_small_project(box: Box, tmp_path: Path) -> None:
    box.workspace.write_bytes("src/shop/__init__.py", b"def price(cents):\n    return f'{cents / 100:.2f}'\n")
    box.workspace.write_bytes(
        "src/tests/test_shop.py",
        b"import subprocess, sys\nimport pytest\nfrom shop import price\n"
        b"@pytest.mark.parametrize(('cents', 'text'), [(1, '0.01'), (250, '2.50')])\n"
        b"def test_price(cents, text):\n    assert price(cents) == text\n"
        b"def test_files(tmp_path, capfd, monkeypatch):\n    monkeypatch.chdir(tmp_path)\n"
        b"    subprocess.run([sys.executable, '-c', 'print(1)'], check=True)\n"
        b"    assert capfd.readouterr().out == '1\\n'\n"
        b"def test_wrong():\n    assert price(5) == '5'\n",
    )
    finished = box.run(
        "python", "-m", "pytest", "-q", "src",
        packages=with_pytest(tmp_path / "packages"), tool_env=box.tool_env, limits=PATIENT,
        env={"PYTHONPATH": (Inside("packages"), Inside("workspace", "src"))},
    )  # fmt: skip
    assert finished.exit_code == 1, finished.stderr.text
    assert "assert '0.05' == '5'" in finished.stdout.text
    assert "1 failed, 3 passed" in finished.stdout.text


def test_pandas_and_matplotlib_make_a_chart(box: Box) -> None:
    code = """
import numpy, pandas
import matplotlib.pyplot as plt

square = numpy.random.default_rng(1).random((400, 400))
print(numpy.allclose(square @ numpy.linalg.inv(square), numpy.eye(400)))
table = pandas.DataFrame({"shop": ["a", "b", "a"], "sold": [1, 2, 3]})
table.to_csv("output/sold.csv", index=False)
sums = pandas.read_csv("output/sold.csv").groupby("shop").sold.sum()
print(dict(sums))
sums.plot.bar()
plt.savefig("output/sold.png")
"""
    assert printed(python(box, code))[0] == "True"
    assert box.workspace.read_bytes("output/sold.png").startswith(b"\x89PNG")


def test_sqlite_is_shared_by_processes(box: Box) -> None:
    code = '''
import sqlite3, subprocess, sys

with sqlite3.connect("output/data.db") as db:
    print(*db.execute("PRAGMA journal_mode=WAL").fetchone())
    db.execute("CREATE TABLE seen (n INTEGER PRIMARY KEY, text)")
other = """
import sqlite3
with sqlite3.connect("output/data.db") as db:
    db.execute("INSERT INTO seen (text) VALUES ('one')")
"""
writers = [subprocess.Popen([sys.executable, "-c", other]) for _ in range(3)]
print([each.wait() for each in writers], *db.execute("SELECT count(*) FROM seen").fetchone())
db.execute("VACUUM")
'''
    assert printed(python(box, code)) == ["wal", "[0, 0, 0] 3"]


@NO_SOCKETS
@pytest.mark.parametrize("where", ["127.0.0.1", "::1", "output/server.sock"])
def test_asyncio_serves_inside(box: Box, where: str) -> None:
    code = """
import asyncio, sys

async def answer(reader, writer):
    writer.write((await reader.readline()).upper())
    await writer.drain()
    writer.close()

async def main(where):
    by_path = "/" in where
    server = await (asyncio.start_unix_server(answer, where) if by_path else asyncio.start_server(answer, where, 0))
    port = None if by_path else server.sockets[0].getsockname()[1]
    for _ in range(3):
        opening = asyncio.open_unix_connection(where) if by_path else asyncio.open_connection(where, port)
        reader, writer = await opening
        writer.write(b"hello\\n")
        print((await reader.readline()).decode().strip())
        writer.close()
    server.close()

asyncio.run(main(sys.argv[1]))
"""
    assert printed(python(box, code, where)) == ["HELLO"] * 3


def test_asyncio_runs_programs_and_threads(box: Box) -> None:
    code = """
import asyncio

async def main():
    process = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate(b"through a pipe")
    print(said.decode(), *await asyncio.gather(*(asyncio.to_thread(pow, 2, n) for n in range(4))))

asyncio.run(main())
"""
    assert printed(python(box, code)) == ["through a pipe 1 2 4 8"]


@pytest.mark.not_on_tier(
    3, "locks between processes are files in /dev/shm, and an ordinary user has none of its own there"
)
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing_works(box: Box, method: str) -> None:
    code = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import shared_memory

def put(queue, lock, name):
    shared = shared_memory.SharedMemory(name=name)
    with lock:
        shared.buf[0] += 1
    shared.close()
    queue.put(shared.name)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2) as pool:
        print(pool.map(abs, [-1, -2, 3]))
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        print(*pool.map(len, ["a", "bb"]))
    shared, queue, lock = shared_memory.SharedMemory(create=True, size=64), context.Queue(), context.Lock()
    workers = [context.Process(target=put, args=(queue, lock, shared.name)) for _ in range(3)]
    for worker in workers:
        worker.start()
    print({queue.get() for _ in workers} == {shared.name})
    for worker in workers:
        worker.join()
    print(shared.buf[0])
    shared.close()
    shared.unlink()
"""
    assert printed(python(box, code, method)) == ["[1, 2, 3]", "1 2", "True", "3"]


@NO_SOCKETS
def test_multiprocessing_serves_objects(box: Box) -> None:
    code = """
import multiprocessing

def add(shared):
    shared["n"] = 7

if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    with context.Manager() as manager:
        shared = manager.dict()
        worker = context.Process(target=add, args=(shared,))
        worker.start()
        worker.join()
        print(dict(shared))
"""
    assert printed(python(box, code)) == ["{'n': 7}"]


def test_python_makes_a_virtual_environment(box: Box) -> None:
    script = (
        "python -m venv --without-pip made && made/bin/python -c 'import sys; print(sys.prefix != sys.base_prefix)'"
    )
    assert printed(shell(box, script)) == ["True"]


@needs("tar", "gzip", "find", "xargs")
def test_usual_tools_work(box: Box) -> None:
    finished = shell(
        box,
        """
        mkdir -p tree/deep && echo text > tree/deep/file && ln -s file tree/deep/link && chmod 750 tree/deep/file
        touch -d 2020-01-02 tree/deep/file && cp -a tree copy && rm -r copy
        tar czf tree.tgz tree && mkdir out && tar xzpf tree.tgz -C out
        find out -type f -perm 750 ! -newermt 2021-01-01 -print0 | xargs -0 -n1 -P2 wc -c
        mkfifo pipe && (cat pipe & echo through > pipe; wait)
        sync; nice -n 5 timeout 10 sh -c 'echo timed'
        """,
    )
    assert printed(finished) == ["5 out/tree/deep/file", "through", "timed"]


def with_pytest(folder: Path) -> Path:
    """A folder of packages that holds pytest and what it needs, as an installation for a task would."""
    for name in ("pytest", "iniconfig", "packaging", "pluggy", "pygments"):
        files = distribution(name).files or []
        for file in (file for file in files if file.suffix == ".py" or "dist-info" in str(file)):
            target = folder / file
            if target.resolve().is_relative_to(folder.resolve()):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.locate(), target)
    return folder
