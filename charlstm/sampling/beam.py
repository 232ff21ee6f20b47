"""Beam search: the likeliest text that can be found by keeping some beginnings beside each other."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlstm.config import SamplingConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.sampling.ending import Ending, Reason
from charlstm.sampling.filters import forbidden_symbols
from charlstm.sampling.generate import Network, read_seeds
from charlstm.sampling.growing_texts import first_symbol


@dataclass(frozen=True)
class Beginning:
    """A text as far as it is written.

    Attributes:
        text: what of it may be shown.
        nats: the log-probability of `text`.
        all_nats: the log-probability of every symbol so far.
        ending: what it has read.
    """

    text: str
    nats: float
    all_nats: float
    ending: Ending


class BeamSearch:
    """The likeliest text, written by one network that steps B beginnings of it together.

    Iterating yields the whole text once.  Of texts that ended after different numbers of symbols, the one whose
    symbols are likeliest on average is taken: their product alone would favour the shortest.

    Args:
        network: the network, for B streams; its state is reset.
        vocabulary: its symbols.
        seed_ids: the symbols to read first; without any, the text begins as a new document does.
        config: what is forbidden, and what ends the text.

    Attributes:
        texts: the one text, without the seed; none before it was found.
        stopped_by: why it ended.
        nats: its log-probability.
    """

    def __init__(
        self, network: Network, vocabulary: Vocabulary, seed_ids: Sequence[int], config: SamplingConfig
    ) -> None:
        self._network = network
        self._seed_ids = list(seed_ids) or [first_symbol(vocabulary)]
        self._config = config
        self._forbidden = forbidden_symbols(config, vocabulary)
        self._start = Beginning("", 0.0, 0.0, Ending(config, vocabulary, seed_ids))
        self.texts: list[str] = []
        self.stopped_by: list[Reason | None] = []
        self.nats: NDArray[np.float64] = np.zeros(0)

    def __iter__(self) -> Iterator[list[str]]:
        best = self._search()
        text, nats = best.text, best.nats
        if best.ending.reason is None:
            piece, more = best.ending.close("length")
            text, nats = text + piece, nats + more
        self.texts, self.stopped_by, self.nats = [text], [best.ending.reason], np.array([nats])
        yield self.texts

    def _search(self) -> Beginning:
        streams = self._network.streams
        ids = read_seeds(self._network, [self._seed_ids] * streams)
        growing = [self._start]
        ended: list[tuple[float, Beginning]] = []
        for step in range(1, self._config.length + 1):
            nats = self._nats_of_next(ids)[: len(growing)]
            totals = np.array([beginning.all_nats for beginning in growing])[:, None] + nats
            grown: list[Beginning] = []
            parents: list[tuple[int, int]] = []
            for rank, place in enumerate(_largest(totals.ravel(), 2 * streams)):
                parent, symbol = divmod(int(place), totals.shape[1])
                beginning = _grown(growing[parent], symbol, nats[parent, symbol])
                if beginning.ending.reason is not None:
                    if rank < streams:
                        ended.append((beginning.all_nats / step, beginning))
                elif len(grown) < streams:
                    grown.append(beginning)
                    parents.append((parent, symbol))
            if not grown or len(ended) >= streams:
                break
            # Streams without a beginning, at first, follow another and are not looked at.
            parents += [parents[0]] * (streams - len(parents))
            self._network.choose(np.array([parent for parent, _ in parents]))
            ids = np.array([symbol for _, symbol in parents])
            growing = grown
        else:
            # Those that still grow have come to their end as well.
            ended += [(beginning.all_nats / max(1, self._config.length), beginning) for beginning in growing]
        return max(ended, key=lambda one: one[0])[1]

    def _nats_of_next(self, ids: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the log-probabilities of the next symbols, (B, V); minus infinity for the forbidden."""
        logits = self._network.step(ids).astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        logits[:, self._forbidden] = -np.inf
        return logits


def _grown(beginning: Beginning, symbol: int, nats: float) -> Beginning:
    ending = copy.copy(beginning.ending)
    piece, shown_nats = ending.read(symbol, float(nats))
    return Beginning(beginning.text + piece, beginning.nats + shown_nats, beginning.all_nats + float(nats), ending)


def _largest(values: NDArray[np.float64], count: int) -> NDArray[np.integer]:
    """Return the places of the largest finite values, the largest first; of equals, the lower place first."""
    order = np.argsort(-values, kind="stable")[:count]
    return order[np.isfinite(values[order])]
