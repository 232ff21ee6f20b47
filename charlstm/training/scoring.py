"""The loss of a network over a text, every character scored once, in large batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlstm.data.batches import Ids
from charlstm.model.network import Network
from charlstm.training.step import EvaluationStep
from charlstm.training.streams import SEQUENCE_LENGTH, Streams


@dataclass(frozen=True)
class Score:
    """How well a network predicts a text.

    Attributes:
        nats_per_char: cross-entropy, the mean over the scored characters.
        accuracy: the share of characters that were the likeliest guess.
        chars: characters scored: all but the first of the text.
    """

    nats_per_char: float
    accuracy: float
    chars: int

    @property
    def bits_per_char(self) -> float:
        """Cross-entropy in bits per character."""
        return self.nats_per_char / math.log(2)

    @property
    def perplexity(self) -> float:
        """The number of equally likely symbols that would be as hard to guess."""
        return math.exp(min(self.nats_per_char, 700.0))


class Scorer:
    """Scores texts with a network as it is at the time of each call."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._step = EvaluationStep(network, SEQUENCE_LENGTH)

    def score(self, ids: Ids, heed: Callable[[], None] = lambda: None) -> Score:
        """Return the score of a text (N,), N at least 2.

        Args:
            ids: the text.
            heed: is called between two pieces of it; what it raises ends the scoring.
        """
        count = len(ids) - 1
        # Summed in float64: the loss of a long text is a small mean of a large sum.
        total_nats, total_hits = 0.0, 0
        for scored, _, nats, hits in self._pieces(ids):
            heed()
            total_nats += float(nats.sum(where=scored, dtype=np.float64))
            total_hits += int(np.count_nonzero(hits & scored))
        return Score(total_nats / count, total_hits / count, count)

    def nats_of_each(self, ids: Ids) -> NDArray[np.float32]:
        """Return what each symbol of a text (N,) but the first costs, (N - 1,), in nats."""
        return self.of_each(ids)[0]

    def of_each(self, ids: Ids) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return what each symbol of a text (N,) but the first costs, and whether it was the likeliest guess."""
        each_nats, each_hit = np.empty(len(ids) - 1, np.float32), np.empty(len(ids) - 1, np.bool_)
        for scored, places, nats, hits in self._pieces(ids):
            each_nats[places[scored]], each_hit[places[scored]] = nats[scored], hits[scored]
        return each_nats, each_hit

    def _pieces(self, ids: Ids) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.int64], Any, Any]]:
        """Yield, for pieces (B, T) of a text (N,): which places count, the places, their nats and hits."""
        count, offset = len(ids) - 1, self._network.config.target_offset
        streams = Streams(count)
        state = self._network.zero_state(streams.count)
        for places, scored in streams:
            within = np.minimum(places, count - 1)
            # Before the first symbols that are predicted from one so far before, the first of all is read again.
            read = np.maximum(within + 1 - offset, 0)
            nats, hits, state = self._step(ids[read].astype(np.int32), ids[within + 1].astype(np.int32), state)
            yield scored, places, nats, hits
