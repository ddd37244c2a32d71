"""Answer held calls beside the outer process, which never waits for one: it has processes to end in time.

What is asked may take long: a file whose bytes are just being written to a slow disk keeps its mode until they are.
"""

import errno
import select
import threading
from collections.abc import Callable

from tools.confine import notices
from tools.confine.broker import Broker


def begin(held: notices.Held, broker: Broker, failed: Callable[[], None]) -> None:
    """Have a thread answer all that is asked; it calls `failed` where it cannot go on, and goes with this process."""
    threading.Thread(target=_serve, args=(held, broker, failed), daemon=True).start()


def _serve(held: notices.Held, broker: Broker, failed: Callable[[], None]) -> None:
    poll = select.poll()
    poll.register(held.listener, select.POLLIN)
    try:
        # Anything else means that nobody is left who could ask.
        while poll.poll()[0][1] & select.POLLIN:
            _answer(held, broker)
    except BaseException:
        failed()
        raise


def _answer(held: notices.Held, broker: Broker) -> None:
    asked = held.next()
    if asked is None:
        return
    try:
        broker.serve(asked)
    except OSError as error:
        notices.answer(asked, error.errno or errno.EPERM)
    else:
        notices.answer(asked, 0)
