"""How busy other processes keep the machine meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

PROCESSOR_TIMES = Path("/proc/stat")
# The columns of a processor's times: user, nice, system, idle, waiting for a disk, two kinds of interrupts, stolen.
IDLE = (3, 4)
COLUMNS = 8


def watch(path: Path = PROCESSOR_TIMES) -> Callable[[], float | None]:
    """Begin to watch, and return what gives the cores that others kept busy since, on average.

    The times of this process and of its children count as own once the children have ended. It gives None where the
    system does not tell.
    """
    began, busy, own = time.monotonic(), _busy_seconds(path), _own_seconds()

    def others() -> float | None:
        now = _busy_seconds(path)
        if now is None or busy is None:
            return None
        return max(0.0, (now - busy) - (_own_seconds() - own)) / (time.monotonic() - began)

    return others


def _busy_seconds(path: Path) -> float | None:
    """Return the seconds that all processors were busy since the start of the system."""
    try:
        label, *times = path.read_text().splitlines()[0].split()
        ticks = [int(value) for value in times[:COLUMNS]]
    except (OSError, ValueError, IndexError):
        return None
    if label != "cpu":
        return None
    return (sum(ticks) - sum(ticks[column] for column in IDLE)) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
