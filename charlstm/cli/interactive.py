"""charlstm sample --interactive: a person and a model write one text at a terminal."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.cli.text_file import TextFile
from charlstm.errors import CharlstmError, OptionError, StoppedError

if TYPE_CHECKING:
    from rich.console import Console

    from charlstm.cli.keys import Keyboard
    from charlstm.cli.pasting import Pasted
    from charlstm.sampling.draft import Draft

LEAVING = ("ctrl-q", "ctrl-d", "ctrl-c", "escape")
TEMPERATURE_STEP = 0.1
# How often a window of another size, and a signal to stop, are noticed.
WAIT_SECONDS = 0.5
# How many unknown symbols of a pasted text are told.
MOST_TOLD = 8
# What a closed terminal counts as, like the hangup that mostly comes with it.
CLOSED = int(signal.SIGTERM)


def refuse_without_terminal() -> None:
    """Raise an error where there is no terminal to write at."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise OptionError("--interactive: needs a terminal at standard input and output; leave it out in a pipe")
    if sys.platform == "win32":
        raise CharlstmError("--interactive needs a POSIX terminal: use it in the Windows subsystem for Linux")


def write_together(draft: Draft, out: Path | None, shown: Callable[[str], str]) -> None:
    """Write at the terminal until the person leaves, and print the text.

    Args:
        draft: the text, with what it begins with.
        out: where to save it, on demand; None for the first free text-<n>.txt.
        shown: the text as it is to be printed.

    Raises:
        StoppedError: a signal ended the work, or the terminal was closed; the text is saved, unless it is empty.
    """
    import click

    from charlstm.cli.console import stdout_console
    from charlstm.cli.keys import keyboard
    from charlstm.cli.streams import discard
    from charlstm.training.signals import stop_requests

    console = stdout_console()
    file = TextFile(out)
    with stop_requests(counts_hangups_once=True) as stop_signal:
        try:
            with keyboard() as keys, console.screen():
                number = Desk(draft, file, console, keys, stop_signal).work()
        except OSError:  # the terminal is gone
            number = CLOSED
        number = stop_signal() or number
        ending = "" if number is None else _save_at_the_end(draft.text, file)
        try:
            click.echo(shown(draft.text))
        except OSError:
            discard(sys.stdout)
    if number is not None:
        raise StoppedError(f"stopped; {ending}", number)


def _save_at_the_end(text: str, file: TextFile) -> str:
    """Save a text if it is not empty, and return where it is."""
    if not text:
        return "there was no text yet"
    try:
        return f"the text is in {file.save(text)}"
    except OSError as problem:
        return f"the text is not saved: {problem.filename}: {problem.strerror}"


class Desk:
    """What the keys do.

    Args:
        draft: the text.
        file: where to save it.
        console: where it is shown.
        keys: what is pressed.
        stop_signal: gives the number of the signal that asks to stop, None while there is none.
    """

    def __init__(
        self,
        draft: Draft,
        file: TextFile,
        console: Console,
        keys: Keyboard,
        stop_signal: Callable[[], int | None],
    ) -> None:
        self._draft = draft
        self._file = file
        self._console = console
        self._keys = keys
        self._stop_signal = stop_signal
        self._message = ""
        self._actions: dict[str, Callable[[], None]] = {
            "right": lambda: draft.accept("character"),
            "tab": lambda: draft.accept("word"),
            "end": lambda: draft.accept("line"),
            "ctrl-e": lambda: draft.accept("line"),
            "ctrl-n": draft.forget_suggestion,
            "ctrl-g": self._go_on,
            "ctrl-z": lambda: self._tell(draft.undo(), "nothing to undo"),
            "backspace": lambda: self._tell(draft.take_back(), "nothing to take back"),
            "up": lambda: self._warm(TEMPERATURE_STEP),
            "down": lambda: self._warm(-TEMPERATURE_STEP),
            "ctrl-s": self._save,
            "enter": lambda: self._type("\n", "the end of a line"),
        }

    def work(self) -> int | None:
        """Show, wait for a key, do what it says, until it says to leave.

        Returns:
            None, or the number of the signal that asked to stop; a closed terminal counts as one.
        """
        while self._waits():
            key = self._keys.next()
            if key == "closed":
                return CLOSED
            if key in LEAVING:
                return None
            self._message = ""
            self._follow(key)
        return self._stop_signal()

    def _waits(self) -> bool:
        """Show the screen until there is a key; False once a signal asks to stop."""
        if not self._keys.waits():  # what was typed meanwhile is read before anything is shown
            self._show()
        size = self._console.size
        while self._stop_signal() is None:
            if self._keys.waits(WAIT_SECONDS):
                return self._stop_signal() is None
            if self._console.size != size:
                size = self._console.size
                self._show()
        return False

    def _follow(self, key: str | Pasted) -> None:
        if not isinstance(key, str):
            self._type(key.text, "any of what was pasted")
        elif key in self._actions:
            self._actions[key]()
        elif len(key) == 1:
            self._type(key, repr(key))

    def _show(self) -> None:
        from rich.control import Control
        from rich.screen import Screen

        from charlstm.cli.writing_screen import screen

        self._draft.suggest()
        with self._console:  # all of it in one writing, or it flickers
            self._console.control(Control.home())
            self._console.print(Screen(screen(self._draft, self._message, self._console)), end="")

    def _type(self, text: str, name: str) -> None:
        typed = self._draft.type(text, lambda: self._stop_signal() is not None)
        self._tell(bool(typed.ids), f"the model does not know {name}")
        if typed.ids and typed.skipped:
            self._message = f"unknown, left out: {' '.join(map(repr, typed.skipped[:MOST_TOLD]))}"

    def _tell(self, is_done: bool, otherwise: str) -> None:
        if not is_done:
            self._message = otherwise

    def _warm(self, step: float) -> None:
        self._draft.set_temperature(max(0.0, round(self._draft.config.temperature + step, 1)))

    def _go_on(self) -> None:
        """Write until a key is pressed, a signal asks to stop, or the length is reached."""
        self._message = "any key stops"
        for _ in range(self._draft.config.length):
            if self._stop_signal() is not None:
                break
            if self._keys.waits():
                self._keys.next()
                break
            self._draft.accept("character")
            self._show()
        self._message = ""

    def _save(self) -> None:
        try:
            self._message = f"saved in {self._file.save(self._draft.text)}"
        except OSError as problem:  # the text is worth more than the file
            self._message = f"not saved: {problem.filename}: {problem.strerror}"
