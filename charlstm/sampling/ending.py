"""Where one text ends, and how much of it may be shown already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from charlstm.config import SamplingConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.data.words import START

Reason = Literal["length", "stop", "lines", "words", "document_end"]


class Ending:
    """One text, read symbol by symbol until something in it ends it.

    A shallow copy is a text of its own.

    Args:
        config: what ends a text.
        vocabulary: the symbols.
        seed_ids: the symbols before the text.

    Attributes:
        reason: why the text has ended, None while it goes on.
    """

    def __init__(self, config: SamplingConfig, vocabulary: Vocabulary, seed_ids: Sequence[int] = ()) -> None:
        self.reason: Reason | None = None
        self._stop = config.stop or ""
        self._lines = config.lines
        self._words = config.words
        self._in_word = False
        self._shown: Sequence[str] = vocabulary.shown
        self._vocabulary = vocabulary if vocabulary.level == "word" else None
        self._joint = vocabulary.spell(seed_ids, START)[1]
        self._document_end = vocabulary.end_of_document if config.until_document_end else None
        self._held = ""
        self._held_nats: tuple[float, ...] = ()
        # Characters that neither end a text nor begin to: most of them, and so they are quick.
        loud = set(self._stop)
        self._quiet = frozenset(
            symbol
            for symbol, shown in enumerate(self._shown)
            if len(shown) == 1 and not shown.isspace() and shown not in loud and vocabulary.level == "char"
        )

    def read(self, symbol: int, nats: float) -> tuple[str, float]:
        """Go on by a symbol and return what may be shown now, and its log-probability.

        Text that may still become the stop text is held back.

        Args:
            symbol: its id.
            nats: its log-probability.
        """
        if symbol in self._quiet and (self._in_word or not self._words) and not self._held:
            return self._shown[symbol], nats
        if symbol == self._document_end:
            return self.close("document_end")
        shown = self._shown[symbol]
        if self._vocabulary is not None:
            shown, self._joint = self._vocabulary.spell((symbol,), self._joint)
        for character in shown:
            if (reason := self._ends_before(character)) is not None:
                return self.close(reason)
            self._held += character
            self._held_nats += (nats,)
            nats = 0.0  # a symbol of several characters costs once
            if self._stop and self._held.endswith(self._stop):
                self.reason = "stop"
                return self._release(len(self._held) - len(self._stop))
        return self._release(len(self._held) - self._begun())

    def close(self, reason: Reason) -> tuple[str, float]:
        """End the text and return what was held back."""
        self.reason = reason
        return self._release(len(self._held))

    def _ends_before(self, character: str) -> Reason | None:
        if self._lines and character == "\n":
            self._lines -= 1
            if not self._lines:
                return "lines"
        if self._words and character.isspace() == self._in_word:
            self._in_word = not self._in_word
            if not self._in_word:
                self._words -= 1
                if not self._words:
                    return "words"
        return None

    def _begun(self) -> int:
        """Return how many characters at the end of what is held are how the stop text begins."""
        sizes = range(min(len(self._stop) - 1, len(self._held)), 0, -1)
        return next((size for size in sizes if self._stop.startswith(self._held[-size:])), 0)

    def _release(self, size: int) -> tuple[str, float]:
        shown, nats = self._held[:size], sum(self._held_nats[:size])
        self._held, self._held_nats = self._held[size:], self._held_nats[size:]
        return shown, nats
