"""Attacks on OpsCore itself: its secrets, database, broker, API, program."""

import os
import socket
import sqlite3
import sys

from tests.security.attacks.attack import attack
from tests.security.attempt import any_of


@attack("find the worker's secrets in the environment")
def environment(host):
    return host.environment_secret in str(os.environ)


@attack("find the worker's secrets in the environment of any process")
def environments(host):
    pids = [str(host.worker), str(os.getppid()), "1", *filter(str.isdigit, os.listdir("/proc"))]
    secret = host.environment_secret.encode()
    return any_of(*(lambda p=pid: secret in open(f"/proc/{p}/environ", "rb").read() for pid in pids))


@attack("find the worker's secrets on the command line of any process")
def command_lines(host):
    pids = [str(host.worker), *filter(str.isdigit, os.listdir("/proc"))]
    return any_of(*(lambda p=pid: host.data in open(f"/proc/{p}/cmdline").read() for pid in pids))


@attack("read the file with the API's token")
def token_file(host):
    return host.token in open(f"{host.data}/secrets/token").read()


@attack("list the files with secrets")
def secrets_folder(host):
    return "token" in os.listdir(f"{host.data}/secrets")


@attack("call the API with the token")
def api(host):
    with socket.create_connection(("127.0.0.1", host.api_port), 3) as client:
        client.sendall(f"GET /api/tasks HTTP/1.1\r\nAuthorization: Bearer {host.token}\r\n\r\n".encode())
        return b"200 OK" in client.recv(4096)


@attack("read the database")
def read_database(host):
    with sqlite3.connect(f"file:{host.data}/opscore.db?mode=ro", uri=True) as database:
        return "sesame" in str(database.execute("SELECT title FROM task").fetchall())


@attack("change the database")
def change_database(host):
    with sqlite3.connect(f"file:{host.data}/opscore.db?mode=rw", uri=True) as database:
        return database.execute("UPDATE task SET title = 'owned'").rowcount == 1


@attack("copy the database as a file")
def copy_database(host):
    return open(f"{host.data}/opscore.db", "rb").read(6) == b"SQLite"


@attack("read the broker's messages")
def read_broker(host):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(host.broker)
        client.sendall(b"LRANGE complexity.1 0 -1\r\n")
        return client.recv(99).startswith(b"*")


@attack("put a message into Celery's queue")
def push_broker(host):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(host.broker)
        client.sendall(b"LPUSH complexity.1 owned\r\n")
        return client.recv(99).startswith(b":")


@attack("empty the broker")
def empty_broker(host):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(host.broker)
        client.sendall(b"FLUSHALL\r\n")
        return client.recv(99) == b"+OK\r\n"


@attack("have the broker write a file of its own anywhere")
def configure_broker(host):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(host.broker)
        client.sendall(b"CONFIG GET dir\r\n")
        return client.recv(9).startswith(b"*")


@attack("read what the broker keeps on disk")
def broker_files(host):
    return len(os.listdir(f"{host.data}/broker")) > 0


@attack("read another task's history")
def history(host):
    return "sesame" in open(f"{host.data}/history/blob").read()


@attack("change another task's history")
def change_history(host):
    os.close(os.open(f"{host.data}/history/blob", os.O_WRONLY))
    return True


@attack("put a file into OpsCore's data folder")
def put_into_data(host):
    path = f"{host.data}/planted-{os.getpid()}"
    open(path, "x").close()
    os.unlink(path)
    return True


@attack("change OpsCore's own program")
def change_program(host):
    os.close(os.open(f"{host.project}/settings.py", os.O_WRONLY))
    return True


@attack("read OpsCore's own program and settings")
def read_program(host):
    return len(open(f"{host.project}/settings.py").read()) > 0


@attack("import OpsCore's own program")
def import_program(host):
    sys.path.insert(0, host.project)
    try:
        import models.errors
    except ImportError as error:
        raise OSError(str(error)) from error
    return models.errors.__file__.startswith(host.project)
