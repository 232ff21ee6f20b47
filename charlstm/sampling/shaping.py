"""From a network's logits to what a symbol is drawn by: all filters that are asked for, in their order.

With everything off the model's own distribution is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from charlstm.config import SamplingConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.sampling.filters import (
    Forbidding,
    Ids,
    Likeliest,
    Logits,
    RepetitionPenalty,
    Temperature,
    Weights,
    forbidden_symbols,
    part_of_word,
)

Filter = Callable[[Logits, Ids], Logits]


class Shaping:
    """What all options together make of a network's logits.

    Args:
        filters: of the logits, in the order in which they apply.
        likeliest: what is kept of the symbols then; None for all.
    """

    def __init__(self, filters: Sequence[Filter], likeliest: Likeliest | None) -> None:
        self._filters = filters
        self._likeliest = likeliest

    def __call__(self, logits: Logits, last: Ids) -> Weights:
        """Return what symbols are drawn by, (N, V), in proportion to their probabilities.

        Args:
            logits: the network's, (N, V).
            last: the symbols that each text ends with, (N,).
        """
        for transform in self._filters:
            logits = transform(logits, last)
        weights = symbol_weights(logits)
        return weights if self._likeliest is None else self._likeliest(weights)


def shaping_of(
    config: SamplingConfig,
    vocabulary: Vocabulary,
    seeds: Sequence[Sequence[int]],
    temperatures: Sequence[float] | None = None,
) -> Shaping:
    """Return what `config` asks for.

    Args:
        config: how to draw.
        vocabulary: the symbols of the logits.
        seeds: what each of the N texts reads first; its last symbol is the first one that the filters see.
        temperatures: of each text (N,), in place of the configuration's.

    Raises:
        OptionError: every symbol is forbidden.
    """
    filters: list[Filter] = []
    forbidden = forbidden_symbols(config, vocabulary)
    if forbidden.any():
        filters.append(Forbidding(forbidden))
    if config.repetition_penalty > 1:
        filters.append(RepetitionPenalty(config.repetition_penalty, config.repetition_window, seeds, len(vocabulary)))
    inside = np.array(temperatures or [config.temperature] * len(seeds))
    start = inside if config.word_start_temperature is None else np.full(len(seeds), config.word_start_temperature)
    if (inside != 1).any() or (start != 1).any():
        filters.append(Temperature(inside, start, part_of_word(vocabulary)))
    is_limited = config.top_k or config.top_p < 1 or config.min_p
    return Shaping(filters, Likeliest(config.top_k, config.top_p, config.min_p) if is_limited else None)


def symbol_weights(logits: Logits) -> Weights:
    """Return numbers in proportion to the probabilities of each row, (N, V), the largest 1."""
    # In float32, of which the logits are, a power takes a third of the time.
    return np.exp(logits - np.maximum.reduce(logits, axis=1, keepdims=True)).astype(np.float64)


def log_probabilities(logits: Logits, ids: Ids) -> NDArray[np.float64]:
    """Return the logarithm of the probability of one symbol of each row, (N,), in nats.

    Args:
        logits: (N, V).
        ids: the symbols, (N,).
    """
    relative = logits - logits.max(axis=1, keepdims=True)
    totals = np.exp(relative).sum(axis=1, dtype=np.float64)
    chosen: NDArray[np.float64] = relative[np.arange(len(ids)), ids] - np.log(totals)
    return chosen
