"""Ids (N,) to inputs and targets (B, T): pure functions of the random seed and the step."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from charlstm.config import TrainingConfig
from charlstm.errors import DataError

Ids = NDArray[np.integer[Any]]

# How often a random length is around half the usual one.
SHORT_SHARE = 0.05
# The deviation of random lengths in parts of the usual one, and how many deviations a length is off at most.
DEVIATION = 1 / 14
MOST_DEVIATIONS = 3


class Batches(Protocol):
    """A text in steps of B rows and T symbols; each epoch reads it once.

    Attributes:
        steps_per_epoch: the steps of an epoch.
    """

    steps_per_epoch: int

    def __call__(self, step: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_] | None]:
        """Return the inputs and targets (B, T) of a step, and which targets are scored, (B, T); None: all of them."""

    def places(self, step: int) -> NDArray[np.int64]:
        """Return where in the text the inputs of a step stand, and after them the last targets, (B, T + N).

        N is how many symbols after its input a target stands.
        """

    def begins_anew(self, step: int) -> bool:
        """Tell whether the LSTM state is zero before a step; else it goes on from the step before."""

    def chars_before(self, step: int) -> int:
        """Return how many symbols are scored in all steps before one."""


def batches_of(
    config: TrainingConfig, ids: Ids, starts: NDArray[np.int64], end_of_document: int | None, target_offset: int = 1
) -> Batches:
    """Return a training text in batches.

    Args:
        config: their kind and size, and the random seed.
        ids: the text, (N,).
        starts: where its documents start, (D,).
        end_of_document: the id of the symbol after each document, None where there is none.
        target_offset: how many symbols after its input a target stands; 1 for documents.

    Raises:
        DataError: the text does not suffice for such batches.
    """
    size = (config.batch_size, config.sequence_length, config.random_seed)
    if config.batching == "documents":
        return DocumentBatches(ids, starts, end_of_document, *size)
    if config.random_lengths:
        return RandomLengthBatches(ids, *size, target_offset)
    return StreamBatches(ids, *size, target_offset)


class StreamBatches:
    """B parallel streams of contiguous text, cut into steps of T symbols.

    Each epoch reads the text once, as a ring from a random place, cut into B streams of equal length; the LSTM state
    goes on from step to step within an epoch.  Up to B·T symbols an epoch fall away at the end of the ring; the
    random place makes them others each time.

    Args:
        ids: the text, (N,).
        batch_size: the number of streams B.
        sequence_length: the symbols of a step T.
        random_seed: for the places where the epochs begin.
        target_offset: how many symbols after its input a target stands.

    Raises:
        DataError: the text is too short for one step.
    """

    def __init__(
        self, ids: Ids, batch_size: int, sequence_length: int, random_seed: int, target_offset: int = 1
    ) -> None:
        self.ids = ids
        self.batch_size = batch_size
        self.sequence_length = sequence_length
        self.random_seed = random_seed
        self.target_offset = target_offset
        self._begun = (-1, 0)
        self._stream_length = len(ids) // batch_size
        self.steps_per_epoch = self._stream_length // sequence_length
        if self.steps_per_epoch == 0:
            needed = batch_size * sequence_length
            raise DataError(
                f"the training text has {len(ids):,} symbols; {needed:,} are needed for one step of "
                f"{batch_size} x {sequence_length} (--batch-size x --sequence-length)"
            )

    def __call__(self, step: int) -> tuple[NDArray[np.int32], NDArray[np.int32], None]:
        """Return the inputs and targets (B, T) of a step; all targets are scored."""
        window = self.ids[self.places(step)].astype(np.int32)
        return window[:, : -self.target_offset], window[:, self.target_offset :], None

    def places(self, step: int) -> NDArray[np.int64]:
        """Return where in the text the inputs of a step stand, and after them the last targets, (B, T + N)."""
        epoch, within = divmod(step, self.steps_per_epoch)
        return self._places(epoch, within * self.sequence_length, self.sequence_length)

    def _places(self, epoch: int, offset: int, length: int) -> NDArray[np.int64]:
        streams = self._start(epoch) + offset + self._stream_length * np.arange(self.batch_size)
        places: NDArray[np.int64] = streams[:, None] + np.arange(length + self.target_offset)
        return places % len(self.ids)

    def _start(self, epoch: int) -> int:
        """Return where in the text an epoch begins; that of the last one asked for is remembered."""
        if self._begun[0] != epoch:
            self._begun = (epoch, int(np.random.default_rng([self.random_seed, epoch]).integers(len(self.ids))))
        return self._begun[1]

    def begins_anew(self, step: int) -> bool:
        """Tell whether the LSTM state is zero before a step: at the beginning of an epoch."""
        return step % self.steps_per_epoch == 0

    def chars_before(self, step: int) -> int:
        """Return how many symbols are scored in all steps before one."""
        return step * self.batch_size * self.sequence_length


class RandomLengthBatches(StreamBatches):
    """Streams cut into steps of random length, so that not always the same symbols stand where the gradient ends.

    The arguments are those of StreamBatches.  A length is drawn around T, or one time in twenty around T / 2, with a
    deviation of T / 14, and taken to a multiple of that: of each length there is a graph.  An epoch has as many steps
    as cover the streams on average; where they come out longer, the next stream's beginning is read as well.

    Source: Merity, Keskar and Socher, AWD-LSTM, 2017, arXiv:1708.02182: 70 or 35, with a deviation of 5.
    """

    def __init__(
        self, ids: Ids, batch_size: int, sequence_length: int, random_seed: int, target_offset: int = 1
    ) -> None:
        super().__init__(ids, batch_size, sequence_length, random_seed, target_offset)
        mean = sequence_length * (1 - SHORT_SHARE / 2)
        self.steps_per_epoch = max(1, int(self._stream_length / mean))
        self._offsets: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def places(self, step: int) -> NDArray[np.int64]:
        """Return where in the text the inputs of a step stand, and after them the last targets, (B, T + N)."""
        epoch, within = divmod(step, self.steps_per_epoch)
        offsets = self._offsets_in(epoch)
        return self._places(epoch, int(offsets[within]), int(offsets[within + 1] - offsets[within]))

    def chars_before(self, step: int) -> int:
        """Return how many symbols are scored in all steps before one."""
        epochs, within = divmod(step, self.steps_per_epoch)
        whole = sum(int(self._lengths_in(epoch).sum()) for epoch in range(epochs))
        return self.batch_size * (whole + int(self._offsets_in(epochs)[within]))

    def _offsets_in(self, epoch: int) -> NDArray[np.int64]:
        """Return where each step of an epoch begins, and where the last one ends; the last epoch's are remembered."""
        if self._offsets[0] != epoch:
            self._offsets = (epoch, np.concatenate([[0], np.cumsum(self._lengths_in(epoch))]))
        return self._offsets[1]

    def _lengths_in(self, epoch: int) -> NDArray[np.int64]:
        random = np.random.default_rng([self.random_seed, epoch, 1])
        usual, deviation = self.sequence_length, self.sequence_length * DEVIATION
        is_short = random.random(self.steps_per_epoch) < SHORT_SHARE
        moved = np.clip(random.standard_normal(self.steps_per_epoch), -MOST_DEVIATIONS, MOST_DEVIATIONS)
        lengths = np.where(is_short, usual / 2, usual) + deviation * moved
        grain = max(1, round(deviation))
        return np.maximum(grain, grain * np.rint(lengths / grain).astype(np.int64))


class DocumentBatches:
    """Batches of B whole documents, each read from a zero state, in steps of T symbols.

    The inputs of a document are the end-of-document symbol and its symbols but the last; the targets are its symbols,
    the last of which ends it.  Documents of similar length stand beside each other, and a batch has as many steps as
    its longest document needs; what is behind the end of a document is not scored.  The order of the batches is another
    in each epoch.

    Source: Fischer, Transfer Learning in Stacked LSTM's for Text Generation, which pads all documents to the longest of
    all and scores the padding too.

    Args:
        ids: the text, (N,).
        starts: where its documents start, (D,), ascending; one may be empty.
        end_of_document: the id of the symbol after each document, None where there is none.
        batch_size: the number of documents B, at most.
        sequence_length: the symbols of a step T, at most.
        random_seed: for the order of the batches.

    Attributes:
        batch_size: the number of documents B; all, where there are fewer than asked for.
        sequence_length: the symbols of a step T; those of the longest document, where it has fewer than asked for.

    Raises:
        DataError: there are no two documents, or there is no such symbol.
    """

    def __init__(
        self,
        ids: Ids,
        starts: NDArray[np.int64],
        end_of_document: int | None,
        batch_size: int,
        sequence_length: int,
        random_seed: int,
    ) -> None:
        lengths = np.diff(starts, append=len(ids))
        count = int(np.count_nonzero(lengths))
        if count < 2:
            raise DataError(
                f"--batching documents needs two documents, but the training text has {count}: part it with "
                "--documents or --document-delimiter of charlstm preprocess, or leave it at --batching stream"
            )
        if end_of_document is None:
            raise DataError(
                "--batching documents begins each document with the end-of-document symbol, which is not among the "
                "symbols of the model: leave it at --batching stream"
            )
        self.ids = ids
        self.end_of_document = end_of_document
        self.batch_size = min(batch_size, count)
        self.sequence_length = min(sequence_length, int(lengths.max()))
        self.random_seed = random_seed
        # The longest first, so that the batch that is not full is the one with the fewest steps.
        order = np.argsort(-lengths, kind="stable")[:count]
        self._batches = -(-count // self.batch_size)
        self._starts, self._lengths = self._in_batches(starts[order]), self._in_batches(lengths[order])
        # How many symbols are scored in each batch and how many steps it has; nothing is kept of each step, of which
        # there may be as many as symbols.
        self._chars = self._lengths.sum(axis=1)
        self._steps = -(-self._lengths[:, 0] // self.sequence_length)
        self.steps_per_epoch = int(self._steps.sum())
        self._order = (-1, np.empty(0, np.int64), np.empty(0, np.int64))

    def __call__(self, step: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
        """Return the inputs and targets (B, T) of a step, and which targets are scored, (B, T): never none."""
        batches, offset = self._batches_until(step)
        within = offset + np.arange(self.sequence_length)
        scored = within < self._lengths[batches[-1], :, None]
        window = self.ids[self.places(step)].astype(np.int32)
        inputs = np.where(scored & (within > 0), window[:, :-1], self.end_of_document)
        return inputs, np.where(scored, window[:, 1:], self.end_of_document), scored

    def places(self, step: int) -> NDArray[np.int64]:
        """Return where in the text the inputs of a step stand, and after them the last targets, (B, T + 1).

        Where nothing is scored, they are any; the symbol before a document counts as the end of another.
        """
        batches, offset = self._batches_until(step)
        first = self._starts[batches[-1]] + offset - 1
        places: NDArray[np.int64] = first[:, None] + np.arange(self.sequence_length + 1)
        return np.clip(places, 0, len(self.ids) - 1)

    def begins_anew(self, step: int) -> bool:
        """Tell whether the LSTM state is zero before a step: at the beginning of its documents."""
        return self._batches_until(step)[1] == 0

    def chars_before(self, step: int) -> int:
        """Return how many symbols are scored in all steps before one."""
        batches, offset = self._batches_until(step)
        in_epoch = self._chars[batches[:-1]].sum() + np.minimum(self._lengths[batches[-1]], offset).sum()
        return step // self.steps_per_epoch * len(self.ids) + int(in_epoch)

    def _batches_until(self, step: int) -> tuple[NDArray[np.int64], int]:
        """Return the batches of an epoch up to that of a step, and how many symbols of its documents are read before.

        Batches are numbered in the order of their length.
        """
        epoch, within = divmod(step, self.steps_per_epoch)
        order, begins = self._order_in(epoch)
        count = int(np.searchsorted(begins, within, side="right"))
        return order[:count], self.sequence_length * (within - int(begins[count - 1]))

    def _order_in(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the batches of an epoch in turn, and at which of its steps each begins; the last are remembered."""
        if self._order[0] != epoch:
            order = np.argsort(np.random.default_rng([self.random_seed, epoch]).permutation(self._batches))
            self._order = (epoch, order, np.cumsum(self._steps[order]) - self._steps[order])
        return self._order[1:]

    def _in_batches(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return a value of each document (D,) by batch, (batches, B); those that fill up the last batch are 0."""
        filled = np.pad(values, (0, self._batches * self.batch_size - len(values)))
        return filled.reshape(self._batches, self.batch_size)


def longest_length(sequence_length: int, *, random_lengths: bool) -> int:
    """Return the most symbols of a step, whose length is drawn around the usual one where lengths are random."""
    return math.ceil(sequence_length * (1 + (MOST_DEVIATIONS + 0.5) * DEVIATION)) if random_lengths else sequence_length


def fitting_batch_size(symbols: int, batch_size: int, sequence_length: int) -> int:
    """Return the largest batch size up to `batch_size` for which a text gives at least one step.

    Raises:
        DataError: it does not suffice for a batch of one.
    """
    if symbols < sequence_length:
        raise DataError(
            f"the training text has {symbols:,} symbols, but one step reads {sequence_length:,}: "
            f"give at least {sequence_length:,} of them, or a smaller --sequence-length"
        )
    return min(batch_size, symbols // sequence_length)


def one_hot(ids: Ids, size: int) -> NDArray[np.float32]:
    """Return ids of any shape (...) as one-hot vectors (..., size).

    The network never sees these arrays: a one-hot vector times a kernel is a row of the kernel, and that is looked up.
    """
    return np.eye(size, dtype=np.float32)[ids]
