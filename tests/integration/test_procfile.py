"""The Procfile's lines, started by honcho all at once, make the same installation as bin/up."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from settings import PROJECT
from tests.support.started import environment, free_port, wait_until

HONCHO = (sys.executable, "-m", "honcho", "start")


def test_honcho_starts_all_of_it_on_an_empty_folder_and_leaves_nothing(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    told = environment(OPSCORE_DATA_DIR=str(data), OPSCORE_FLOWER_PORT=str(free_port()), PORT=str(port))
    # PORT means web's: honcho gives it to the first line.
    with (tmp_path / "printed").open("wb") as printed:
        honcho = subprocess.Popen(HONCHO, cwd=PROJECT, env=told, stdout=printed, stderr=printed, start_new_session=True)
    try:
        wait_until(lambda: health(port).get("agents") == 2, "both agents are there", 120)
        assert health(port)["broker"] == "ok"
        # An agent is registered a moment before it listens: the broker must not end in between.
        wait_until(lambda: (tmp_path / "printed").read_bytes().count(b" ready.") == 2, "both agents listen", 60)
        below = psutil.Process(honcho.pid).children(recursive=True)
        honcho.send_signal(signal.SIGTERM)
        honcho.wait(timeout=60)
    finally:
        for process in psutil.Process(honcho.pid).children(recursive=True) if honcho.poll() is None else []:
            process.kill()
        honcho.kill()
        honcho.wait()
    _, alive = psutil.wait_procs(below, timeout=20)
    assert alive == []
    lines = (tmp_path / "printed").read_text(encoding="utf-8")
    assert "release: database at" in lines
    assert "Traceback" not in lines


def test_the_broker_line_only_waits_where_a_server_is_named() -> None:
    told = environment(REDIS_URL="redis://:secret@broker.example:6379/0")
    with subprocess.Popen(
        [sys.executable, "-m", "worker.installation.broker"],
        cwd=PROJECT,
        env=told,
        stdout=subprocess.PIPE,
        text=True,
    ) as line:
        assert line.stdout is not None
        assert line.stdout.readline() == "broker: using redis://broker.example:6379/0; nothing to start here\n"
        line.terminate()
        assert line.wait(timeout=10) == 0


def test_a_line_that_waits_in_vain_says_for_what(tmp_path: Path) -> None:
    told = environment(OPSCORE_DATA_DIR=str(tmp_path), OPSCORE_BROKER_URL="redis://127.0.0.1:9/0")
    program = "from worker.installation import ready\nready.WITHIN_S = 0.5\nready.main()"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, env=told, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "the database is not up to date; run the release line" in done.stderr


def health(port: int) -> dict[str, object]:
    """What /health says; empty where nothing answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            told: dict[str, object] = json.load(answer)
            return told
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return {}
