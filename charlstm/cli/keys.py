"""Keys from a terminal: single key presses by name, read without waiting for the end of a line."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import select
import sys
from collections.abc import Iterator

# What a terminal sends for keys without a character of their own, and for those with Ctrl.
NAMES = {
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1b[C": "right",
    "\x1b[F": "end",
    "\x1bOA": "up",
    "\x1bOB": "down",
    "\x1bOC": "right",
    "\x1bOF": "end",
    "\x1b[4~": "end",
    "\x1b[8~": "end",
    "\x1b": "escape",
    "\t": "tab",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
    **{chr(number): f"ctrl-{chr(number + 96)}" for number in (3, 4, 5, 7, 14, 17, 18, 19, 26)},
}

# A whole sequence of a key that is no character.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O[@-~])")
_BEGUN_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*|O)?\Z")

# How long the rest of a sequence may take; the Escape key sends its beginning alone.
SEQUENCE_SECONDS = 0.05


class Keyboard:
    """The keys pressed at a terminal.

    Args:
        descriptor: of the terminal.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._unread = ""
        self._is_closed = False

    def waits(self, seconds: float = 0) -> bool:
        """Whether a key was pressed, or is within some seconds."""
        return bool(self._unread) or self._is_closed or self._arrives(seconds)

    def next(self) -> str:
        """Wait for a key and return its character, or its name: "tab", "right", "ctrl-s"; "" for one without.

        A terminal that is gone is "ctrl-d".
        """
        while not self._unread and not self._is_closed:
            self._receive()
        while _BEGUN_SEQUENCE.match(self._unread) and self._arrives(SEQUENCE_SECONDS) and not self._is_closed:
            self._receive()
        if not self._unread:
            return "ctrl-d"
        sequence = _SEQUENCE.match(self._unread)
        key = sequence.group() if sequence else self._unread[0]
        self._unread = self._unread[len(key) :]
        return NAMES.get(key, key if key.isprintable() else "")

    def _arrives(self, seconds: float) -> bool:
        return bool(select.select([self._descriptor], [], [], seconds)[0])

    def _receive(self) -> None:
        try:
            received = os.read(self._descriptor, 4096)
        except OSError:  # the terminal was closed
            received = b""
        self._is_closed = not received
        self._unread += self._decoder.decode(received)


@contextlib.contextmanager
def keyboard() -> Iterator[Keyboard]:
    """Give the keys of the terminal at standard input, each as it is pressed and none shown."""
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor, termios.TCSANOW)
    # Lines still end as the screen expects.
    after = termios.tcgetattr(descriptor)
    after[1] |= termios.OPOST
    termios.tcsetattr(descriptor, termios.TCSANOW, after)
    try:
        yield Keyboard(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
