"""N texts that grow side by side: what is common to all ways of drawing their symbols.

Here are the seed, the random numbers, the length, the text to stop at, and what may be shown already; where the
symbols come from is up to the subclass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlstm.config import SamplingConfig
from charlstm.data.vocabulary import Vocabulary

LENGTH, STOP = "length", "stop"


class GrowingTexts(ABC):
    """N texts, written while iterating: each turn yields the N pieces of new text.

    A piece is empty while it may still become the stop text, and after its text has ended.

    Args:
        streams: the number of texts N.
        vocabulary: the symbols.
        seed_ids: the symbols to read first; without any, the texts begin as a new document does.
        config: how to draw.

    Attributes:
        texts: what was written so far, without the seed.
        stopped_by: why each text ended: "length" or "stop"; None while it goes on.
    """

    def __init__(self, streams: int, vocabulary: Vocabulary, seed_ids: Sequence[int], config: SamplingConfig) -> None:
        self.texts = [""] * streams
        self.stopped_by: list[str | None] = [None] * streams
        self._streams = streams
        self._seed_ids = list(seed_ids) or [_first_symbol(vocabulary)]
        self._config = config
        # The unknown symbol stands for no text, so it is never written.
        self._forbidden = vocabulary.unknown
        self._shown = [vocabulary.decode([symbol]) for symbol in range(len(vocabulary))]
        self._held = [""] * streams

    def __iter__(self) -> Iterator[list[str]]:
        # One generator a stream: the first text is the same, however many are written beside it.
        randoms = [np.random.default_rng([self._config.random_seed, stream]) for stream in range(self._streams)]
        for symbols in self._symbols(randoms):
            yield [self._extend(stream, ids) for stream, ids in enumerate(symbols)]
            if all(self.stopped_by):
                return
        yield [self._end(stream, LENGTH) for stream in range(self._streams)]

    @abstractmethod
    def _symbols(self, randoms: list[np.random.Generator]) -> Iterator[NDArray[np.integer]]:
        """Read the seed and yield the ids drawn after it, (N, K), `config.length` in all.

        Args:
            randoms: a generator for each stream; a symbol takes one number of it, in [0, 1), so that K does not
                change the texts.
        """

    def _extend(self, stream: int, ids: Iterable[Any]) -> str:
        """Add symbols to one text and return what may be shown of it now."""
        if self.stopped_by[stream]:
            return ""
        held = self._held[stream] + "".join([self._shown[symbol] for symbol in ids])
        stop = self._config.stop
        if stop is None:
            return self._release(stream, held, "")
        if (place := held.find(stop)) >= 0:
            self.stopped_by[stream] = STOP
            return self._release(stream, held[:place], "")
        keep = next((size for size in range(min(len(stop) - 1, len(held)), 0, -1) if stop.startswith(held[-size:])), 0)
        return self._release(stream, held[: len(held) - keep], held[len(held) - keep :])

    def _end(self, stream: int, reason: str) -> str:
        if self.stopped_by[stream]:
            return ""
        self.stopped_by[stream] = reason
        return self._release(stream, self._held[stream], "")

    def _release(self, stream: int, shown: str, held: str) -> str:
        self.texts[stream] += shown
        self._held[stream] = held
        return shown


def _first_symbol(vocabulary: Vocabulary) -> int:
    if vocabulary.end_of_document is not None:
        return vocabulary.end_of_document
    return vocabulary.ids.get("\n", 0)
