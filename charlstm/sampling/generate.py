"""A generator of text: one step of the network, one symbol drawn, and on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from charlstm.config import SamplingConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.sampling.filters import filters_of, symbol_weights
from charlstm.sampling.growing_texts import GrowingTexts

# Random numbers made at a time, for each text.
RANDOM_BLOCK = 256


class Generation(GrowingTexts):
    """N texts written side by side by one network, in NumPy.

    Iterating yields the N pieces of every step, often one character each.

    Args:
        network: the network, for N streams; its state is reset.
        vocabulary: its symbols.
        seed_ids: the symbols to read first; without any, the texts begin as a new document does.
        config: how to draw.
    """

    def __init__(
        self, network: NumpyLSTM, vocabulary: Vocabulary, seed_ids: Sequence[int], config: SamplingConfig
    ) -> None:
        super().__init__(network.streams, vocabulary, seed_ids, config)
        self._network = network

    def _symbols(self, randoms: list[np.random.Generator]) -> Iterator[NDArray[np.integer]]:
        network = self._network
        filters = filters_of(self._config)
        network.reset()
        offset = network.target_offset
        # What is drawn is read when the symbol is due that stands so far behind it; before a seed that is shorter than
        # that, its first symbol is read again.
        seed = [*[self._seed_ids[0]] * (offset - 1), *self._seed_ids]
        for symbol in seed[:-offset]:
            network.step([symbol] * network.streams)
        unread: deque[Sequence[int] | NDArray[np.integer]] = deque(
            [symbol] * network.streams for symbol in seed[-offset:]
        )
        for step in range(self._config.length):
            if step % RANDOM_BLOCK == 0:
                # The same numbers as one at a time, at a small part of the cost.
                uniform = np.stack([random.random(RANDOM_BLOCK) for random in randoms], axis=1)
            logits = network.step(unread.popleft())
            if self._forbidden is not None:
                logits[:, self._forbidden] = -np.inf
            for transform in filters:
                logits = transform(logits)
            ids = draw(symbol_weights(logits), uniform[step % RANDOM_BLOCK])
            unread.append(ids)
            yield ids[:, None]


def draw(weights: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.integer]:
    """Draw one symbol a row by inverting the cumulative distribution.

    Args:
        weights: in proportion to the probabilities, (N, V).
        uniform: numbers in [0, 1), (N,).
    """
    cumulative = np.cumsum(weights, axis=1)
    reached = cumulative <= (uniform * cumulative[:, -1])[:, None]
    ids: NDArray[np.integer] = reached.sum(axis=1)
    return ids
