"""What a terminal sends when text is pasted: one text between two marks."""

from __future__ import annotations

import io
from dataclasses import dataclass

# Asks a terminal for the marks, and not to send them any more.
MARKS_ON = "\x1b[?2004h"
MARKS_OFF = "\x1b[?2004l"

BEGIN = "\x1b[200~"
END = "\x1b[201~"

# Characters, in 16 MiB of memory; what is beyond them is left out.
LONGEST_PASTE = 1 << 22


@dataclass(frozen=True)
class Pasted:
    r"""A text that was pasted.

    Attributes:
        text: as it is, but each line ends with \n.
    """

    text: str


class Paste:
    """A text that is being pasted, from what follows the first mark.

    Attributes:
        is_whole: whether the second mark has arrived.
    """

    def __init__(self) -> None:
        self.is_whole = False
        self._kept = io.StringIO()
        # The end of what arrived, where the second mark may have begun.
        self._held = ""

    def take(self, arrived: str) -> str:
        """Take the next characters, and return those that stand after the second mark."""
        text, mark, after = (self._held + arrived).partition(END)
        self.is_whole = bool(mark)
        sure = len(text) if mark else max(0, len(text) - len(END) + 1)
        self._held = text[sure:]
        self._keep(text[:sure])
        return after

    def pasted(self) -> Pasted:
        """Return all that has arrived."""
        self._keep(self._held)
        self._held = ""
        return Pasted(self._kept.getvalue().replace("\r\n", "\n").replace("\r", "\n"))

    def _keep(self, text: str) -> None:
        self._kept.write(text[: LONGEST_PASTE - self._kept.tell()])
