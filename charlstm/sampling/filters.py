"""Logits in, logits out: what shapes the distribution that a symbol is drawn from.

A filter takes logits (N, V) and returns logits of the same shape; a symbol that it rules out gets minus
infinity.  With all of them off the model's own distribution is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from charlstm.config import SamplingConfig

# Beyond it, all but the likeliest symbol have a probability of 0 anyway, and no logit overflows yet.
LARGEST_FACTOR = 1e25

Logits = NDArray[np.float32]
Filter = Callable[[Logits], Logits]


def filters_of(config: SamplingConfig) -> list[Filter]:
    """Return the filters that `config` asks for, in the order in which they apply."""
    filters: list[Filter] = []
    if config.temperature == 0:
        return [lambda logits: keep_top_k(logits, 1)]
    if config.temperature != 1:
        filters.append(lambda logits: scale(logits, config.temperature))
    if config.top_k:
        filters.append(lambda logits: keep_top_k(logits, config.top_k))
    if config.top_p < 1:
        filters.append(lambda logits: keep_top_p(logits, config.top_p))
    return filters


def scale(logits: Logits, temperature: float) -> Logits:
    """Divide by the temperature: below 1 likely symbols become likelier, above 1 all become more alike."""
    return logits * np.float32(min(1 / temperature, LARGEST_FACTOR))


def keep_top_k(logits: Logits, k: int) -> Logits:
    """Keep the k likeliest symbols of each row; of equals, those with the lower ids."""
    if k >= logits.shape[1]:
        return logits
    ranked = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    return _only(logits, ranked)


def keep_top_p(logits: Logits, p: float) -> Logits:
    """Keep the fewest symbols of each row whose probabilities add up to at least p (nucleus sampling).

    Source: Holtzman et al., The Curious Case of Neural Text Degeneration, 2019, arXiv:1904.09751.
    """
    ranked = np.argsort(-logits, axis=1, kind="stable")
    probabilities = np.take_along_axis(softmax(logits), ranked, axis=1)
    before = np.cumsum(probabilities, axis=1) - probabilities
    kept = np.full_like(logits, -np.inf)
    np.put_along_axis(kept, ranked, np.where(before < p, np.take_along_axis(logits, ranked, axis=1), -np.inf), axis=1)
    return kept


def softmax(logits: Logits) -> NDArray[np.float64]:
    """Return the probabilities of each row, (N, V), in float64."""
    weights = symbol_weights(logits)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def symbol_weights(logits: Logits) -> NDArray[np.float64]:
    """Return numbers in proportion to the probabilities of each row, (N, V), in float64, the largest 1."""
    weights: NDArray[np.float64] = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return weights


def _only(logits: Logits, ids: NDArray[np.integer]) -> Logits:
    kept = np.full_like(logits, -np.inf)
    np.put_along_axis(kept, ids, np.take_along_axis(logits, ids, axis=1), axis=1)
    return kept
