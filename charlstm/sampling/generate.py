"""A generator of text: one step of the network, one symbol drawn, and on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from charlstm.config import SamplingConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.sampling.growing_texts import Drawn, GrowingTexts, Prompt
from charlstm.sampling.shaping import log_probabilities, shaping_of

# Random numbers made at a time, for each text.
RANDOM_BLOCK = 256


class Network(Protocol):
    """What steps N streams together, holding their state: `NumpyLSTM`, or several of them as one."""

    streams: int

    def reset(self, streams: Sequence[int] | None = None) -> None:
        """Set the state of some streams to zero, of all without any."""

    def choose(self, streams: NDArray[np.integer]) -> None:
        """Let each stream go on from the state of another, (N,)."""

    def state(self) -> list[Any]:
        """Return a copy of the state, for `restore`."""
        ...

    def restore(self, state: list[Any]) -> None:
        """Go on from a state that `state` returned."""

    def step(self, ids: Sequence[int] | NDArray[np.integer]) -> NDArray[np.float32]:
        """Read one symbol a stream, (N,), and return the logits of the next, (N, V)."""
        ...


class Generation(GrowingTexts):
    """N texts written side by side by one network, in NumPy.

    Iterating yields the N pieces of every step, often one character each.

    Args:
        network: the network, for N streams; its state is reset.
        vocabulary: its symbols.
        prompts: seeds, temperatures and numbers of the N texts.
        config: how to draw.
        scored: whether the log-probabilities of the texts are kept account of.
    """

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        prompts: Sequence[Prompt],
        config: SamplingConfig,
        *,
        scored: bool = False,
    ) -> None:
        super().__init__(vocabulary, prompts, config, scored=scored)
        self._network = network
        self._shaping = shaping_of(config, vocabulary, self._seeds, self._temperatures)

    def _symbols(self, randoms: list[np.random.Generator]) -> Iterator[Drawn]:
        network = self._network
        ids: NDArray[np.integer] = read_seeds(network, self._seeds)
        for step in range(self._config.length):
            if step % RANDOM_BLOCK == 0:
                # The same numbers as one at a time, at a small part of the cost.
                uniform = np.stack([random.random(RANDOM_BLOCK) for random in randoms], axis=1)
            logits = network.step(ids)
            ids = draw(self._shaping(logits, ids), uniform[step % RANDOM_BLOCK])
            yield ids[:, None], log_probabilities(logits, ids)[:, None] if self._scored else None


def read_seeds(network: Network, seeds: Sequence[Sequence[int]]) -> NDArray[np.integer]:
    """Let each stream of a network read its seed but for the last symbol, and return those, (N,).

    Seeds of different lengths end together: before a short one begins, its stream reads anything, and forgets it.
    """
    network.reset()
    longest = max(map(len, seeds))
    begins = [longest - len(seed) for seed in seeds]
    for place in range(longest - 1):
        if place and (beginning := [stream for stream, begin in enumerate(begins) if begin == place]):
            network.reset(beginning)
        network.step([seed[place - begin] if place >= begin else 0 for seed, begin in zip(seeds, begins, strict=True)])
    if longest > 1 and (beginning := [stream for stream, seed in enumerate(seeds) if len(seed) == 1]):
        network.reset(beginning)
    return np.array([seed[-1] for seed in seeds])


def draw(weights: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.integer]:
    """Draw one symbol a row by inverting the cumulative distribution.

    Args:
        weights: in proportion to the probabilities, (N, V).
        uniform: numbers in [0, 1), (N,).
    """
    if len(weights) == 1:
        # The same with a search: a single text spends more on calls than on numbers.
        of_one = np.add.accumulate(weights[0])
        ids: NDArray[np.integer] = of_one.searchsorted(uniform * of_one[-1], side="right")
    else:
        cumulative = weights.cumsum(axis=1)
        reached = cumulative <= (uniform * cumulative[:, -1])[:, None]
        ids = reached.sum(axis=1)
    return ids
