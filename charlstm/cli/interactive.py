"""charlstm sample --interactive: a person and a model write one text at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.errors import CharlstmError, OptionError

if TYPE_CHECKING:
    from rich.console import Console

    from charlstm.cli.keys import Keyboard
    from charlstm.sampling.draft import Draft

LEAVING = ("ctrl-q", "ctrl-d", "ctrl-c", "escape")
TEMPERATURE_STEP = 0.1
# How often a window of another size is noticed.
RESIZE_SECONDS = 0.5


def refuse_without_terminal() -> None:
    """Raise an error where there is no terminal to write at."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise OptionError("--interactive: needs a terminal at standard input and output; leave it out in a pipe")
    if sys.platform == "win32":
        raise CharlstmError("--interactive needs a POSIX terminal: use it in the Windows subsystem for Linux")


def write_together(draft: Draft, out: Path | None) -> str:
    """Write at the terminal until the person leaves, and return the text.

    Args:
        draft: the text, with what it begins with.
        out: where to save it, on demand; None for the first free text-<n>.txt.
    """
    from rich.console import Console

    from charlstm.cli.keys import keyboard

    console = Console(highlight=False)
    with keyboard() as keys, console.screen():
        Desk(draft, out, console, keys).work()
    return draft.text


class Desk:
    """What the keys do.

    Args:
        draft: the text.
        out: where to save it; None for the first free text-<n>.txt.
        console: where it is shown.
        keys: what is pressed.
    """

    def __init__(self, draft: Draft, out: Path | None, console: Console, keys: Keyboard) -> None:
        self._draft = draft
        self._out = out
        self._console = console
        self._keys = keys
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
            "enter": lambda: self._type("\n"),
        }

    def work(self) -> None:
        """Show, wait for a key, do what it says, until it says to leave."""
        while True:
            if not self._keys.waits():  # what was pasted is read before anything is shown
                self._show()
            size = self._console.size
            while not self._keys.waits(RESIZE_SECONDS):
                if self._console.size != size:
                    size = self._console.size
                    self._show()
            key = self._keys.next()
            if key in LEAVING:
                return
            self._message = ""
            if key in self._actions:
                self._actions[key]()
            elif len(key) == 1:
                self._type(key)

    def _show(self) -> None:
        from rich.control import Control
        from rich.screen import Screen

        from charlstm.cli.writing_screen import screen

        self._draft.suggest()
        with self._console:  # all of it in one writing, or it flickers
            self._console.control(Control.home())
            self._console.print(Screen(screen(self._draft, self._message, self._console)), end="")

    def _type(self, character: str) -> None:
        self._tell(self._draft.type(character), f"the model does not know {character!r}")

    def _tell(self, is_done: bool, otherwise: str) -> None:
        if not is_done:
            self._message = otherwise

    def _warm(self, step: float) -> None:
        self._draft.set_temperature(max(0.0, round(self._draft.config.temperature + step, 1)))

    def _go_on(self) -> None:
        """Write until a key is pressed, or the length is reached."""
        self._message = "any key stops"
        for _ in range(self._draft.config.length):
            if self._keys.waits():
                self._keys.next()
                break
            self._draft.accept("character")
            self._show()
        self._message = ""

    def _save(self) -> None:
        from charlstm.store.atomic import write_bytes

        if self._out is None:
            self._out = _free_name()
        try:
            write_bytes(self._out, f"{self._draft.text}\n".encode("utf-8", "surrogateescape"))
        except OSError as problem:  # the text is worth more than the file
            self._message = f"not saved: {self._out}: {problem.strerror}"
        else:
            self._message = f"saved in {self._out}"


def _free_name() -> Path:
    number = 1
    while (path := Path(f"text-{number}.txt")).exists():
        number += 1
    return path
