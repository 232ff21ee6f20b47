"""The first signal asks a training to end in order, the second ends the process at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

# A closed terminal is a request to end like any other.
_EXIT_AS = {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM, "SIGHUP": signal.SIGTERM}

# The signals that the block at work has received, if there is one.
_at_work: list[list[int]] = []


@contextlib.contextmanager
def stop_requests(*, counts_hangups_once: bool = False) -> Iterator[Callable[[], int | None]]:
    """Give a function that returns the number of the signal that asked to stop, None while none has.

    Within such a block, another gives the function of the outer one: many trainings in a row hear the same request.
    Outside the main thread, where signals cannot be taken, the function always returns None.

    Args:
        counts_hangups_once: whether a hangup after the first signal changes nothing. A closed terminal sends one from
            the shell and one from the system, and where a person writes there is something to save in between.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    received = _at_work[0] if _at_work else []

    def take(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        name = signal.Signals(number).name
        if received and counts_hangups_once and name == "SIGHUP":
            return
        as_number = int(_EXIT_AS[name])
        if received:
            # Everything on disk is whole at any moment, so there is nothing to tidy up.
            os._exit(128 + as_number)
        received.append(as_number)

    def first() -> int | None:
        return received[0] if received else None

    if _at_work:
        yield first
        return
    numbers = [getattr(signal, name) for name in _EXIT_AS if hasattr(signal, name)]
    # A signal that the parent had ignored (nohup) stays ignored.
    taken = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, take) for number in taken}
    _at_work.append(received)
    try:
        yield first
    finally:
        _at_work.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


def request_stop() -> None:
    """Ask the trainings of this process to stop, from any thread, as a first SIGTERM does; without any, end it."""
    if not _at_work:
        os._exit(128 + signal.SIGTERM)
    if not _at_work[0]:
        _at_work[0].append(int(signal.SIGTERM))
