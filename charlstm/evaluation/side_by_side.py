"""What each symbol of many texts costs, every text read from a zero state, in batches of texts of one length."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from charlstm.config import Precision
from charlstm.data.batches import Ids
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.model.runtime import cores, start_tensorflow
from charlstm.store.model_directory import Model

# Texts side by side on a core, at most, and at least where there are as many: a few take no longer than one.
BATCH = 256
LEAST_BATCH = 16
# A longer text is cut into parts, so that they can be read side by side; each first reads what stands before it.
LONGEST = 2_000
CONTEXT = 200
# Symbols a step in TensorFlow: many are faster, and few let less be read behind the ends of lines.
MANY_STEPS, FEW_STEPS = 25, 5

Costs = NDArray[np.float32]
Steps = NDArray[np.int32]


@dataclass(frozen=True)
class _Part:
    """Symbols begin to end of a text: targets to score, with those to read before them.

    Attributes:
        text: the number of the text.
        read_from: the first symbol to read.
        begin: the first target.
        end: behind the last target.
    """

    text: int
    read_from: int
    begin: int
    end: int

    @property
    def steps(self) -> int:
        return self.end - 1 - self.read_from


def nats_of_texts(model: Model, texts: Sequence[Ids], precision: Precision = "float32") -> list[Costs]:
    """Return what each symbol of each text but its first costs, in nats.

    Args:
        model: the model.
        texts: ids (N,), N at least 1.
        precision: of the products of the layers; those of the head, of which the costs are made, are in float32.  For
            bfloat16 TensorFlow is started.

    Returns:
        For each text (N - 1,).
    """
    found = [np.empty(len(text) - 1, np.float32) for text in texts]
    offset = model.config.target_offset
    parts = [part for number, text in enumerate(texts) for part in _parts(number, len(text), offset)]
    # The longest first, so that the texts of a batch end nearly together and those that go on are its first rows.
    parts.sort(key=lambda part: -part.steps)
    # In NumPy a core reads a batch by itself, in TensorFlow they share one.
    rows = min(BATCH, max(LEAST_BATCH, -(-len(parts) // cores()))) if precision == "float32" else BATCH
    batches = [parts[first : first + rows] for first in range(0, len(parts), rows)]
    read = [[texts[part.text][part.read_from : part.end] for part in batch] for batch in batches]
    costs = _on_all_cores(model, read) if precision == "float32" else _in_tensorflow(model, read, precision)
    for batch, nats in zip(batches, costs, strict=True):
        for part, row in zip(batch, nats, strict=True):
            found[part.text][part.begin - 1 : part.end - 1] = row[part.begin - 1 - part.read_from : part.steps]
    return found


def _parts(text: int, symbols: int, offset: int) -> list[_Part]:
    # The symbols between the last one that is read and its target come on top of the context.
    return [
        _Part(text, max(0, begin - offset - CONTEXT), begin, min(begin + LONGEST, symbols))
        for begin in range(1, symbols, LONGEST)
    ]


def _on_all_cores(model: Model, batches: Sequence[Sequence[Ids]]) -> Iterator[Costs]:
    """Yield what the symbols of each batch of texts cost, in their order.

    A core reads a batch by itself.  Three layers of 512 units read 9,200 symbols a second so on two cores with AVX2, by
    products that the cores share 7,600, in TensorFlow, in float32 as well, 6,000; and TensorFlow takes 4 s to start.
    """
    is_over, network = threading.Event(), NumpyLSTM(model.config, model.weights)
    with ThreadPoolExecutor(cores()) as pool:
        try:
            yield from pool.map(lambda texts: _read_batch(network, model.config.target_offset, texts, is_over), batches)
        finally:
            is_over.set()


def _read_batch(network: NumpyLSTM, offset: int, texts: Sequence[Ids], is_over: threading.Event) -> Costs:
    """Return what the symbols after the first of each text (B, T) cost; behind the end of a text stands anything.

    Each is predicted from those up to `offset` symbols before it, the first ones from a first symbol that repeats.
    """
    read, targets, steps = _laid_out(texts, offset)
    nats = np.zeros(targets.shape, np.float32)
    network = network.beside(len(texts))
    for step in range(int(steps[0])):
        if is_over.is_set():
            break
        going_on = int(np.count_nonzero(steps > step))
        if going_on < network.streams:
            network.keep_first(going_on)
        logits = network.step(read[:going_on, step])
        logits -= logits.max(axis=1, keepdims=True)
        following = logits[np.arange(going_on), targets[:going_on, step]]
        nats[:going_on, step] = np.log(np.exp(logits).sum(axis=1)) - following
    return nats


def _in_tensorflow(model: Model, batches: Sequence[Sequence[Ids]], precision: Precision) -> Iterator[Costs]:
    """Yield what the symbols of each batch of texts cost, in their order; see `_read_batch`.

    Three layers of 512 units read 25,000 symbols a second so on two cores with AVX-512 and bfloat16 products, and
    14,000 in float32 as above.
    """
    start_tensorflow()
    from charlstm.model.network import Network
    from charlstm.training.step import EvaluationStep

    network = Network(model.config, precision)
    network.assign(model.weights)
    score = {steps: EvaluationStep(network, steps, head_precision="float32") for steps in (MANY_STEPS, FEW_STEPS)}
    for texts in batches:
        read, targets, steps = _laid_out(texts, model.config.target_offset, multiple_of=FEW_STEPS)
        nats = np.zeros(targets.shape, np.float32)
        state = network.zero_state(len(texts))
        for piece in _pieces(targets.shape[1]):
            going_on = int(np.count_nonzero(steps > piece.start))
            state = [(hidden[:going_on], cell[:going_on]) for hidden, cell in state]
            scored = score[piece.stop - piece.start](read[:going_on, piece], targets[:going_on, piece], state)
            nats[:going_on, piece], _, state = scored
        yield nats


def _pieces(steps: int) -> list[slice]:
    """Part a number of steps, a multiple of FEW_STEPS, into pieces of MANY_STEPS and, at the end, of FEW_STEPS."""
    many = steps - steps % MANY_STEPS
    ends = [*range(0, many, MANY_STEPS), *range(many, steps + 1, FEW_STEPS)]
    return [slice(*piece) for piece in pairwise(ends)]


def _laid_out(texts: Sequence[Ids], offset: int, multiple_of: int = 1) -> tuple[Steps, Steps, NDArray[np.int64]]:
    """Return what is read at each step of texts, the longest first, what is to be predicted, and the steps of each.

    Args:
        texts: B of them.
        offset: how far ahead the model predicts.
        multiple_of: a number that the steps T of the arrays are a multiple of.

    Returns:
        Ids read (B, T) and to be predicted (B, T), of which those behind the end of a text mean nothing; steps (B,).
    """
    steps = np.array([len(text) - 1 for text in texts])
    ids = np.zeros((len(texts), 1 + multiple_of * -(-int(steps[0]) // multiple_of)), np.int32)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = text
    read = np.concatenate([np.repeat(ids[:, :1], offset - 1, axis=1), ids], axis=1)
    return read[:, : ids.shape[1] - 1], ids[:, 1:], steps
