"""Another task at work: `python -I -S neighbour.py FACTS-AS-JSON`; does what its sandbox lets it, and stays.

Runs inside a sandbox of its own, or plainly, while attacks look for it.
"""

import json
import os
import socket
import sys
import threading
import time


def _greet(server):
    while True:
        client, _ = server.accept()
        with client:
            client.sendall(b"hello")


def _serve(family, address):
    try:
        server = socket.socket(family)
        server.bind(address)
    except OSError:
        return
    server.listen()
    threading.Thread(target=_greet, args=(server,), daemon=True).start()


def _write(path):
    try:
        with open(path, "w") as file:
            file.write("sesame of a neighbour")
    except OSError:
        pass


def main(facts):
    _write("neighbours.txt")
    for path in facts["neighbour_files"]:
        _write(path)
    os.mkfifo("pipe")
    _serve(socket.AF_INET, ("127.0.0.1", facts["neighbour_port"]))
    _serve(socket.AF_UNIX, "\0" + facts["neighbour_abstract"])
    _serve(socket.AF_UNIX, "socket")
    print("here", flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
