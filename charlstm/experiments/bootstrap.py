"""Which differences between losses are real: resampling the documents that they are means over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 4_000
RANDOM_SEED = 1
LEVEL = 0.95
# Weights of resampled documents that are held at a time.
_BLOCK = 4_000_000
# Draws behind a quantile, and how many numbers of them are held at a time.
_DRAWS = 20_000


@dataclass(frozen=True)
class Ratio:
    """One loss over another.

    Attributes:
        value: over all documents.
        low: where its interval begins.
        high: where it ends.
    """

    value: float
    low: float
    high: float

    @property
    def is_real(self) -> bool:
        """Whether the interval leaves out 1: the losses differ by more than the choice of documents explains."""
        return not self.low <= 1 <= self.high


class PairedBootstrap:
    """The losses of several models over the same documents, as they are and over resampled documents.

    A resample draws as many documents as there are, with replacement, and is the same for all models: whether a
    document is easy or hard falls out of the ratio of two losses.

    Args:
        nats: what each model pays for each document (M, D).
        chars: the scored symbols of each document (M, D); D at least 1.

    Source: Efron, Bootstrap methods: another look at the jackknife, 1979; Koehn, Statistical significance tests for
    machine translation evaluation, 2004 (paired).
    """

    def __init__(self, nats: NDArray[np.float64], chars: NDArray[np.int64]) -> None:
        documents = nats.shape[1]
        self.losses = nats.sum(axis=1) / chars.sum(axis=1)
        random = np.random.default_rng(RANDOM_SEED)
        blocks = []
        done = 0
        while done < RESAMPLES:
            count = min(RESAMPLES - done, max(1, _BLOCK // documents))
            weights = random.multinomial(documents, np.full(documents, 1 / documents), count).astype(np.float64)
            # A resample without a single symbol has no loss: it counts as one symbol for nothing.
            blocks.append((weights @ nats.T) / np.maximum(weights @ chars.T, 1))
            done += count
        self._resampled = np.concatenate(blocks)

    def ratio(self, model: int, reference: int) -> Ratio:
        """Return the loss of one model over that of another, with the interval of LEVEL by percentiles."""
        ratios = self._resampled[:, model] / np.maximum(self._resampled[:, reference], np.finfo(np.float64).tiny)
        low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        value = self.losses[model] / max(self.losses[reference], np.finfo(np.float64).tiny)
        return Ratio(float(value), float(low), float(high))


@cache
def studentized_range(count: int, freedom: int) -> float:
    """Return how many standard errors the range of means that are equal in truth stays within, in LEVEL of cases.

    By simulation, to about one per cent.

    Args:
        count: of the means, at least two.
        freedom: degrees of freedom of the standard error, at least one.

    Source: Tukey, The problem of multiple comparisons, 1953.
    """
    random = np.random.default_rng(RANDOM_SEED)
    ranges: list[NDArray[np.float64]] = []
    while sum(map(len, ranges)) < _DRAWS:
        means = random.standard_normal((max(1, min(_DRAWS, _BLOCK // count)), count))
        ranges.append(np.ptp(means, axis=1) / np.sqrt(random.chisquare(freedom, len(means)) / freedom))
    return float(np.quantile(np.concatenate(ranges), LEVEL))
