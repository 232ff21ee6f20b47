"""What the scripts share: their options, what they count, how long one trial may take, how they end."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

# A trial that takes longer hangs: the longest take a second, on a busy machine perhaps a minute.
LONGEST_SECONDS = 300.0
FIRST_FORMAT = Path(__file__).resolve().parent.parent / "formats" / "1"


class TookTooLong(BaseException):
    """A trial did not end; no `except Exception` on the way may take it for something else."""


class Tally:
    """Counts what was tried, and what was found, each kind of it by name."""

    def __init__(self) -> None:
        self.tried: dict[str, int] = {}
        self.found: dict[str, int] = {}
        self._began = time.monotonic()

    def count(self, kind: str, times: int = 1) -> None:
        """Count trials."""
        self.tried[kind] = self.tried.get(kind, 0) + times

    def find(self, kind: str, what: object) -> None:
        """Count a defect and say what it is; the first twenty of a kind are enough to read."""
        self.found[kind] = self.found.get(kind, 0) + 1
        if self.found[kind] <= 20:
            print(f"FOUND {kind}: {what!a}", flush=True)

    def end(self) -> None:
        """Print all counts and end the process: with 1 where something was found."""
        for kind, tried in self.tried.items():
            print(f"{kind}: tried {tried:,}, found {self.found.get(kind, 0):,}")
        found = sum(self.found.values())
        seconds = time.monotonic() - self._began
        print(f"all: tried {sum(self.tried.values()):,}, found {found:,}, in {seconds:,.0f} s", flush=True)
        sys.exit(1 if found else 0)


def arguments(description: str | None, count: int) -> argparse.Namespace:
    """Return the options that every script has, and let the script and what it starts heed SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As a shell's job in the background is started.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--count", type=int, default=count, help="how many random trials (default: %(default)s)")
    parser.add_argument("--random-seed", type=int, default=1, help="same seed, same trials (default: %(default)s)")
    return parser.parse_args()


@contextlib.contextmanager
def time_limit() -> Iterator[None]:
    """Raise TookTooLong in a block that does not end."""

    def raise_it(*_: object) -> None:
        raise TookTooLong(f"over {LONGEST_SECONDS:g} s")

    before = signal.signal(signal.SIGALRM, raise_it)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def peak_memory() -> int:
    """Return the most bytes that this process had in memory at once."""
    # Not ru_maxrss: a child process inherits that from its parent.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.split("VmHWM:")[1].split()[0])
