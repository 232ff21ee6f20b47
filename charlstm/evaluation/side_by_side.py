"""What each symbol of many texts costs, every text read from a zero state, in batches of texts of one length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlstm.data.batches import Ids
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.store.model_directory import Model

# From so many symbols on, starting TensorFlow (4 s) takes less time than it saves: of three layers of 512 units and 256
# texts, two cores with AVX2 read 8,700 symbols a second, and in NumPy 5,700 to 8,200.
MANY_SYMBOLS = 100_000
# Texts side by side, and the symbols of a step: a text fills its last step with padding.
BATCH = 256
STEPS = 8
# A longer text is cut into parts, so that they can be read side by side; each first reads what stands before it.
LONGEST = 2_000
CONTEXT = 200

Costs = NDArray[np.float32]
# Inputs and targets (B, T) to nats (B, T); the state goes on from call to call, and B may shrink to the first rows.
Read = Callable[[NDArray[np.int32], NDArray[np.int32]], Costs]


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
    offset = model.config.target_offset
    begin = _in_tensorflow(model) if sum(map(len, texts)) >= MANY_SYMBOLS else _in_numpy(model)
    found = [np.empty(len(text) - 1, np.float32) for text in texts]
    parts = [part for number, text in enumerate(texts) for part in _parts(number, len(text))]
    # The longest first, so that the texts of a batch end nearly together and those that go on are its first rows.
    parts.sort(key=lambda part: -part.steps)
    for first in range(0, len(parts), BATCH):
        batch = parts[first : first + BATCH]
        nats = _read_batch(begin(len(batch)), [texts[part.text][part.read_from : part.end] for part in batch], offset)
        for part, row in zip(batch, nats, strict=True):
            found[part.text][part.begin - 1 : part.end - 1] = row[part.begin - 1 - part.read_from : part.steps]
    return found


def _parts(text: int, symbols: int) -> list[_Part]:
    return [
        _Part(text, max(0, begin - 1 - CONTEXT), begin, min(begin + LONGEST, symbols))
        for begin in range(1, symbols, LONGEST)
    ]


def _read_batch(read: Read, texts: Sequence[Ids], offset: int) -> Costs:
    """Return what the symbols after the first of each text (B, T) cost; behind the end of a text stands anything.

    Each is predicted from those up to `offset` symbols before it, the first ones from a first symbol that repeats.
    """
    steps = np.array([len(text) - 1 for text in texts])
    ids = np.zeros((len(texts), steps[0] + 1), np.int32)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = text
    behind = np.concatenate([np.repeat(ids[:, :1], offset - 1, axis=1), ids], axis=1)
    nats = np.zeros((len(texts), steps[0]), np.float32)
    for place in range(0, int(steps[0]), STEPS):
        going_on = int(np.count_nonzero(steps > place))
        targets = ids[:going_on, place + 1 :][:, :STEPS]
        inputs = behind[:going_on, place:][:, : targets.shape[1]]
        nats[:going_on, place : place + STEPS] = read(inputs, targets)
    return nats


def _in_numpy(model: Model) -> Callable[[int], Read]:
    def begin(streams: int) -> Read:
        network = NumpyLSTM(model.config, model.weights, streams)

        def read(inputs: NDArray[np.int32], targets: NDArray[np.int32]) -> Costs:
            network.keep_first(len(inputs))
            nats = np.empty(inputs.shape, np.float32)
            for step, (ids, following) in enumerate(zip(inputs.T, targets.T, strict=True)):
                logits = network.step(ids)
                logits -= logits.max(axis=1, keepdims=True)
                nats[:, step] = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(ids)), following]
            return nats

        return read

    return begin


def _in_tensorflow(model: Model) -> Callable[[int], Read]:
    from charlstm.model.runtime import start_tensorflow

    start_tensorflow()
    from charlstm.model.network import Network
    from charlstm.training.step import EvaluationStep

    network = Network(model.config)
    network.assign(model.weights)
    step = EvaluationStep(network, STEPS)

    def begin(streams: int) -> Read:
        state = network.zero_state(streams)

        def read(inputs: NDArray[np.int32], targets: NDArray[np.int32]) -> Costs:
            nonlocal state
            rows, steps = inputs.shape
            state = [(hidden[:rows], cell[:rows]) for hidden, cell in state]
            padding = ((0, 0), (0, STEPS - steps))
            nats, _, state = step(np.pad(inputs, padding), np.pad(targets, padding), state)
            return nats[:, :steps]

        return read

    return begin
