"""A generator of text: one step of the network, one symbol drawn, and on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from charlstm.config import SamplingConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.sampling.filters import filters_of, softmax

LENGTH, STOP = "length", "stop"


class Generation:
    """N texts written side by side by one network.

    Iterating runs the network and yields, for every step, the N pieces of new text (often one character each; empty
    while a piece may still become the stop text, and after a text has ended).

    Args:
        network: the network, for N streams; its state is reset.
        vocabulary: its symbols.
        seed_ids: the symbols to read first; without any, the texts begin as a new document does.
        config: how to draw.

    Attributes:
        texts: what was written so far, without the seed.
        stopped_by: why each text ended: "length" or "stop"; None while it goes on.
    """

    def __init__(
        self, network: NumpyLSTM, vocabulary: Vocabulary, seed_ids: Sequence[int], config: SamplingConfig
    ) -> None:
        self.texts = [""] * network.streams
        self.stopped_by: list[str | None] = [None] * network.streams
        self._network = network
        self._vocabulary = vocabulary
        self._seed_ids = list(seed_ids) or [_first_symbol(vocabulary)]
        self._config = config
        self._held = [""] * network.streams

    def __iter__(self) -> Iterator[list[str]]:
        network, config = self._network, self._config
        filters = filters_of(config)
        # The unknown symbol stands for no text, so it is never written.
        forbidden = self._vocabulary.unknown
        # One generator a stream: the first text is the same, however many are written beside it.
        randoms = [np.random.default_rng([config.random_seed, stream]) for stream in range(network.streams)]
        shown = [self._vocabulary.decode([symbol]) for symbol in range(len(self._vocabulary))]
        network.reset()
        for symbol in self._seed_ids[:-1]:
            network.step([symbol] * network.streams)
        ids: Sequence[int] | NDArray[np.integer] = [self._seed_ids[-1]] * network.streams
        for _ in range(config.length):
            logits = network.step(ids)
            if forbidden is not None:
                logits[:, forbidden] = -np.inf
            for transform in filters:
                logits = transform(logits)
            ids = draw(softmax(logits), np.array([random.random() for random in randoms]))
            yield [self._extend(stream, shown[symbol]) for stream, symbol in enumerate(ids)]
            if all(self.stopped_by):
                return
        yield [self._end(stream, LENGTH) for stream in range(network.streams)]

    def _extend(self, stream: int, piece: str) -> str:
        """Add a piece to one text and return what may be shown of it now."""
        if self.stopped_by[stream]:
            return ""
        held = self._held[stream] + piece
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


def draw(probabilities: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.integer]:
    """Draw one symbol a row by inverting the cumulative distribution.

    Args:
        probabilities: (N, V), each row adding up to 1.
        uniform: numbers in [0, 1), (N,).
    """
    cumulative = np.cumsum(probabilities, axis=1)
    # Scaled by the sum as it came out in floating point, so that a number close to 1 stays within the row.
    reached = cumulative <= (uniform * cumulative[:, -1])[:, None]
    ids: NDArray[np.integer] = reached.sum(axis=1)
    return ids


def _first_symbol(vocabulary: Vocabulary) -> int:
    if vocabulary.end_of_document is not None:
        return vocabulary.end_of_document
    return vocabulary.ids.get("\n", 0)
