"""What each symbol of many texts costs, every text read from a zero state, in batches of texts of one length."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlstm.data.batches import Ids
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.model.runtime import cores
from charlstm.store.model_directory import Model

# Texts side by side on a core, at most, and at least where there are as many: a few take no longer than one.
BATCH = 256
LEAST_BATCH = 16
# A longer text is cut into parts, so that they can be read side by side; each first reads what stands before it.
LONGEST = 2_000
CONTEXT = 200

Costs = NDArray[np.float32]


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


def nats_of_texts(model: Model, texts: Sequence[Ids]) -> list[Costs]:
    """Return what each symbol of each text but its first costs, in nats.

    Args:
        model: the model.
        texts: ids (N,), N at least 1.

    Returns:
        For each text (N - 1,).
    """
    found = [np.empty(len(text) - 1, np.float32) for text in texts]
    parts = [part for number, text in enumerate(texts) for part in _parts(number, len(text))]
    # The longest first, so that the texts of a batch end nearly together and those that go on are its first rows.
    parts.sort(key=lambda part: -part.steps)
    rows = min(BATCH, max(LEAST_BATCH, -(-len(parts) // cores())))
    batches = [parts[first : first + rows] for first in range(0, len(parts), rows)]
    read = [[texts[part.text][part.read_from : part.end] for part in batch] for batch in batches]
    for batch, nats in zip(batches, _on_all_cores(model, read), strict=True):
        for part, row in zip(batch, nats, strict=True):
            found[part.text][part.begin - 1 : part.end - 1] = row[part.begin - 1 - part.read_from : part.steps]
    return found


def _parts(text: int, symbols: int) -> list[_Part]:
    return [
        _Part(text, max(0, begin - 1 - CONTEXT), begin, min(begin + LONGEST, symbols))
        for begin in range(1, symbols, LONGEST)
    ]


def _on_all_cores(model: Model, batches: Sequence[Sequence[Ids]]) -> Iterator[Costs]:
    """Yield what the symbols of each batch of texts cost, in their order.

    A core reads a batch by itself.  Three layers of 512 units read 9,200 symbols a second so on two cores with AVX2, by
    products that the cores share 7,600, in TensorFlow 6,000; and TensorFlow takes 4 s to start.
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
    steps = np.array([len(text) - 1 for text in texts])
    ids = np.zeros((len(texts), steps[0] + 1), np.int32)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = text
    read = np.concatenate([np.repeat(ids[:, :1], offset - 1, axis=1), ids], axis=1)
    nats = np.zeros((len(texts), steps[0]), np.float32)
    network = network.beside(len(texts))
    for step in range(int(steps[0])):
        if is_over.is_set():
            break
        going_on = int(np.count_nonzero(steps > step))
        if going_on < network.streams:
            network.keep_first(going_on)
        logits = network.step(read[:going_on, step])
        logits -= logits.max(axis=1, keepdims=True)
        following = logits[np.arange(going_on), ids[:going_on, step + 1]]
        nats[:going_on, step] = np.log(np.exp(logits).sum(axis=1)) - following
    return nats
