"""The loss of a text by document."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlstm.data.batches import Ids
from charlstm.data.vocabulary import Vocabulary
from charlstm.training.scoring import Scorer

# The characters of a document by which it is recognised.
BEGINNING = 60


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
        starts: where documents start, (D,), ascending from 0; one of which nothing is left starts where the next does.
    """
    return sum_by_document(scorer.nats_of_each(ids), starts)


def sum_by_document(nats_of_each: NDArray[np.float32], starts: NDArray[np.int64]) -> DocumentLosses:
    """Return what each document of a text costs, from what each symbol but the first costs, (N - 1,)."""
    # The first symbol has nothing before it to be predicted from.
    nats = np.concatenate([np.zeros(1), nats_of_each])
    chars = np.diff(starts, append=len(nats))
    holds_symbols = chars > 0
    sums = np.zeros(len(starts))
    sums[holds_symbols] = np.add.reduceat(nats, starts[holds_symbols])
    chars[np.argmax(holds_symbols)] -= 1
    return DocumentLosses(sums, chars)


@dataclass(frozen=True)
class DocumentScore:
    """How well a model predicts one document.

    Attributes:
        number: of the document in its text, counted from 1.
        chars: scored symbols; the end of the document is one, the first symbol of the text is none.
        nats_per_char: cross-entropy; None where nothing is scored.
        bits_per_char: the same in bits.
        beginning: the first characters, at most BEGINNING.
    """

    number: int
    chars: int
    nats_per_char: float | None
    bits_per_char: float | None
    beginning: str


def document_scores(
    losses: DocumentLosses, ids: Ids, starts: NDArray[np.int64], vocabulary: Vocabulary
) -> list[DocumentScore]:
    """Return how well each document of a text is predicted, in the order of the text.

    Args:
        losses: what they cost.
        ids: the text itself, (N,), with symbols that the model may not know.
        starts: where its documents start, (D,).
        vocabulary: of the text.
    """
    scores = []
    ends = [*starts[1:].tolist(), len(ids)]
    each = zip(starts.tolist(), ends, losses.nats.tolist(), losses.chars.tolist(), strict=True)
    for number, (start, end, nats, chars) in enumerate(each, 1):
        first = ids[start : min(end, start + BEGINNING)]
        beginning = vocabulary.decode(first[first != vocabulary.end_of_document])
        mean = nats / chars if chars else None
        scores.append(DocumentScore(number, chars, mean, None if mean is None else mean / math.log(2), beginning))
    return scores
