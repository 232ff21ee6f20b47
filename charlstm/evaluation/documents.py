"""The loss of a text by document."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlstm.data.batches import Ids
from charlstm.training.scoring import Scorer


@dataclass(frozen=True)
class DocumentLosses:
    """What each document of a text costs; its end counts as its last symbol.

    Attributes:
        nats: summed over the symbols of each document (D,).
        chars: scored symbols of each document (D,); the first symbol of the text is not scored.
    """

    nats: NDArray[np.float64]
    chars: NDArray[np.int64]

    @property
    def nats_per_char(self) -> float:
        """The mean over all scored symbols."""
        return float(self.nats.sum() / self.chars.sum())

    @property
    def padded_nats_per_char(self) -> float:
        """The mean over whole documents padded to the longest, where padding counts as predicted for nothing.

        It is the convention of papers that train on padded batches and average over padding as well, which a network
        soon predicts at no cost; always below `nats_per_char`, and no measure of how well text is predicted.
        """
        return float(self.nats.sum() / (len(self.chars) * self.chars.max()))


def document_losses(scorer: Scorer, ids: Ids, starts: NDArray[np.int64]) -> DocumentLosses:
    """Return what each document of a text costs.

    Args:
        scorer: with the network.
        ids: the text, (N,), N at least 2; read in one go, so that a document has those before it as context.
        starts: where documents start, (D,), ascending from 0.
    """
    # The first symbol has nothing before it to be predicted from.
    nats = np.concatenate([np.zeros(1), scorer.nats_of_each(ids)])
    chars = np.diff(starts, append=len(ids))
    chars[0] -= 1
    return DocumentLosses(np.add.reduceat(nats, starts), chars)
