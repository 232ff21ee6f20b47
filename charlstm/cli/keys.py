"""Keys from a terminal: single key presses by name, read without waiting for the end of a line."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import select
import sys
import time
from collections.abc import Iterator

from charlstm.cli.pasting import BEGIN, MARKS_OFF, MARKS_ON, Paste, Pasted

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

# A whole sequence of a key that is no character, and one of which the rest may still come.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O[@-~])")
_BEGUN_SEQUENCE = re.compile(r"\x1b{1,2}(?:\[[0-9;?]*[ -/]*|O)?\Z")
# What Alt sends before a key: Escape, at once; and a sequence of which the rest never came.
_WITH_ALT = re.compile(rf"\x1b(?:{_SEQUENCE.pattern}|\[[0-9;?]*[ -/]*|[^\x1b])", re.DOTALL)

# How long the rest of a sequence may take; the Escape key sends its beginning alone.
SEQUENCE_SECONDS = 0.05
# How long a text that is being pasted may pause before what came of it is taken for all of it.
PASTE_SECONDS = 10.0


class Keyboard:
    """The keys pressed at a terminal.

    Args:
        descriptor: of the terminal.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._unread = ""
        self._paste: Paste | None = None
        self._last_received = time.monotonic()
        self._is_closed = False

    def waits(self, seconds: float = 0) -> bool:
        """Whether a key was pressed, or is within some seconds; a text that is pasted counts once it is whole."""
        end = time.monotonic() + seconds
        while not self._is_ready():
            left = end - time.monotonic()
            if self._arrives(max(0.0, left)):
                self._receive()
            if left <= 0:
                return self._is_ready()
        return True

    def next(self) -> str | Pasted:
        """Wait for a key and return its character, or its name: "tab", "right", "ctrl-s"; "" for one without.

        What is pasted is one text; a terminal that is gone is "closed".
        """
        while not self._is_ready():
            self._receive()
        while self._paste is None and _BEGUN_SEQUENCE.match(self._unread) and not self._is_closed:
            if not self._arrives(SEQUENCE_SECONDS):
                break
            self._receive()
        if not self._is_ready():  # what began was the mark before a pasted text
            return ""
        if self._paste is not None:
            pasted = self._paste.pasted()
            self._paste = None
            return pasted
        if not self._unread:
            return "closed"
        sequence = _SEQUENCE.match(self._unread) or _WITH_ALT.match(self._unread)
        key = sequence.group() if sequence else self._unread[0]
        self._unread = self._unread[len(key) :]
        return NAMES.get(key, key if key.isprintable() else "")

    def _is_ready(self) -> bool:
        """Whether `next` need not wait."""
        if self._paste is None and self._unread.startswith(BEGIN):
            self._paste = Paste()
            self._unread = self._paste.take(self._unread.removeprefix(BEGIN))
        if self._paste is None:
            return bool(self._unread) or self._is_closed
        return self._paste.is_whole or self._is_closed or self._is_silent()

    def _is_silent(self) -> bool:
        return time.monotonic() - self._last_received > PASTE_SECONDS and not self._arrives(0)

    def _arrives(self, seconds: float) -> bool:
        return bool(select.select([self._descriptor], [], [], seconds)[0])

    def _receive(self) -> None:
        try:
            received = os.read(self._descriptor, 65536)
        except OSError:  # the terminal was closed
            received = b""
        self._is_closed = not received
        self._last_received = time.monotonic()
        text = self._decoder.decode(received)
        self._unread += text if self._paste is None else self._paste.take(text)


@contextlib.contextmanager
def keyboard() -> Iterator[Keyboard]:
    """Give the keys of the terminal at standard input, each as it is pressed and none shown, and what is pasted."""
    import termios
    import tty

    descriptor, screen = sys.stdin.fileno(), sys.stdout.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor, termios.TCSANOW)
    # Lines still end as the screen expects.
    after = termios.tcgetattr(descriptor)
    after[1] |= termios.OPOST
    termios.tcsetattr(descriptor, termios.TCSANOW, after)
    try:
        os.write(screen, MARKS_ON.encode())
        yield Keyboard(descriptor)
    finally:
        # The terminal may be gone.
        with contextlib.suppress(OSError):
            os.write(screen, MARKS_OFF.encode())
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
