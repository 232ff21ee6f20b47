"""The generator of text as one compiled TensorFlow loop, for many streams on a GPU.

The twin of `generate.py`: the same network, the same filters and the same random numbers, so the texts have the same
distribution.  For one random seed they are the same too as long as the rounding of two devices does not decide a
draw; on one device they do not differ from run to run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from charlstm.config import ModelConfig, SamplingConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.errors import CharlstmError
from charlstm.model.weights import head_kernel, input_rows
from charlstm.sampling.filters import forbidden_symbols
from charlstm.sampling.growing_texts import Drawn, GrowingTexts, Prompt
from charlstm.store.model_directory import Weights

# Steps between two looks at the texts: often enough to stop early and to show them growing, and so seldom that
# Python costs nothing.
PIECE_STEPS = 256

# For each layer from the bottom: hidden values and cell, each (N, H).
State = list[tuple[Any, Any]]


class CompiledGeneration(GrowingTexts):
    """N texts written side by side by one network, without a turn of Python for each character.

    Iterating yields N pieces of some hundred characters.

    Args:
        config: the network.
        weights: the arrays of a model directory.
        vocabulary: its symbols.
        prompts: temperatures and numbers of the N texts, and one seed of all.
        sampling: how to draw.
        device: TensorFlow's name of where to compute: "/GPU:0", or "/CPU:0", where `Generation` is faster.
        piece_steps: the symbols K of a piece.
        scored: whether the log-probabilities of the texts are kept account of.

    Raises:
        CharlstmError: the device has not enough memory; also while iterating.
    """

    def __init__(
        self,
        config: ModelConfig,
        weights: Weights,
        vocabulary: Vocabulary,
        prompts: Sequence[Prompt],
        sampling: SamplingConfig,
        *,
        device: str,
        piece_steps: int = PIECE_STEPS,
        scored: bool = False,
    ) -> None:
        super().__init__(vocabulary, prompts, sampling, scored=scored)
        streams = self._streams
        self._forbidden = forbidden_symbols(sampling, vocabulary)
        self._device = device
        self._piece_steps = piece_steps
        with self._at_work():
            self._network = TensorFlowLSTM(config, weights)
        state_shapes = [(tf.TensorSpec((streams, units), tf.float32),) * 2 for units in config.units]
        self._piece = tf.function(
            self._piece_on_device,
            input_signature=[
                tf.TensorSpec((None,), tf.int64),
                tf.TensorSpec((streams,), tf.int64),
                state_shapes,
                tf.TensorSpec((None, streams), tf.float64),
            ],
            autograph=False,
        )

    def _symbols(self, randoms: list[np.random.Generator]) -> Iterator[Drawn]:
        *seed, last = self._seeds[0]
        with self._at_work():
            ids = tf.fill((self._streams,), np.int64(last))
            state = self._network.zero_state(self._streams)
        for start in range(0, self._config.length, self._piece_steps):
            steps = min(self._piece_steps, self._config.length - start)
            uniform = np.stack([random.random(steps) for random in randoms], axis=1)
            with self._at_work():
                drawn, nats, state = self._piece(np.array(seed, np.int64), ids, state, uniform)
                ids, seed = drawn[-1], []
                symbols: NDArray[np.int64] = drawn.numpy().T
                costs: NDArray[np.float64] = nats.numpy().T
            yield symbols, costs if self._scored else None

    def _piece_on_device(self, seed: Any, ids: Any, state: State, uniform: Any) -> tuple[Any, Any, State]:
        """Read a seed and write a piece: the whole of it one graph.

        Args:
            seed: symbol ids to read without drawing, (S,); may be empty.
            ids: the last symbols before the piece, (N,).
            state: the state before.
            uniform: numbers in [0, 1), (K, N).

        Returns:
            Ids (K, N), their log-probabilities (K, N) if the texts are scored, and the state after all of them
            but the last.
        """
        streams, steps = self._streams, tf.shape(uniform)[0]

        def read(step: Any, state: State) -> tuple[Any, State]:
            return step + 1, self._network.advance(tf.fill((streams,), seed[step]), state)[1]

        def write(step: Any, ids: Any, state: State, written: Any, costs: Any) -> tuple[Any, Any, State, Any, Any]:
            logits, state = self._network.step(ids, state)
            ids = draw(filtered(logits, self._config, self._forbidden, self._temperatures), uniform[step])
            if self._scored:
                nats = tf.gather(tf.nn.log_softmax(tf.cast(logits, tf.float64)), ids, batch_dims=1)
                costs = costs.write(step, nats)
            return step + 1, ids, state, written.write(step, ids), costs

        with tf.device(self._device):
            seed_steps = tf.shape(seed)[0]
            _, state = tf.while_loop(lambda step, _: step < seed_steps, read, (0, state), parallel_iterations=1)
            # The ids are int64: TensorFlow keeps an int32 of a loop in the host's memory and would copy them twice
            # a step.
            written = tf.TensorArray(tf.int64, steps, element_shape=(streams,))
            costs = tf.TensorArray(tf.float64, steps if self._scored else 0, element_shape=(streams,))
            *_, state, written, costs = tf.while_loop(
                lambda step, *_: step < steps, write, (0, ids, state, written, costs), parallel_iterations=1
            )
            return written.stack(), costs.stack(), state

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        """Compute on the device, in whole float32, and say in a sentence when its memory does not suffice."""
        # With TensorFloat-32, a GPU's default, logits would have three digits and the distribution be another.
        allowed = tf.config.experimental.tensor_float_32_execution_enabled()
        tf.config.experimental.enable_tensor_float_32_execution(False)
        try:
            with tf.device(self._device):
                yield
        except tf.errors.ResourceExhaustedError:
            raise CharlstmError(
                f"the memory of {self._device} does not hold {self._streams} samples of this model: "
                "take fewer of them, or --device cpu"
            ) from None
        finally:
            tf.config.experimental.enable_tensor_float_32_execution(allowed)


class TensorFlowLSTM:
    """A stack of LSTM layers with a softmax head, stepping N streams together; state in, state out.

    Args:
        config: the network.
        weights: the arrays of a model directory; copied to the device of the caller.
    """

    def __init__(self, config: ModelConfig, weights: Weights) -> None:
        self._units = config.units
        # The bias goes with the row of a symbol.
        self._rows = tf.constant(input_rows(weights) + weights["lstm_0/bias"])
        self._first = tf.constant(weights["lstm_0/recurrent_kernel"])
        self._upper = []
        for layer in range(1, config.layers):
            kernels = [weights[f"lstm_{layer}/{name}"] for name in ("kernel", "recurrent_kernel")]
            self._upper.append((tf.constant(np.concatenate(kernels)), tf.constant(weights[f"lstm_{layer}/bias"])))
        self._head = tf.constant(head_kernel(weights)), tf.constant(weights["head/bias"])

    def zero_state(self, streams: int) -> State:
        """Return the state at the beginning of a text, for N streams."""
        return [(tf.zeros((streams, units)), tf.zeros((streams, units))) for units in self._units]

    def step(self, ids: Any, state: State) -> tuple[Any, State]:
        """Read one symbol a stream, ids (N,), and return the logits of the next, (N, V), and the state."""
        hidden, new_state = self.advance(ids, state)
        kernel, bias = self._head
        return tf.matmul(hidden, kernel) + bias, new_state

    def advance(self, ids: Any, state: State) -> tuple[Any, State]:
        """Read one symbol a stream, ids (N,), and return the highest layer's output, (N, H), and the state."""
        (below, cell), *above = state
        new_state = [_cell(tf.gather(self._rows, ids) + tf.matmul(below, self._first), cell)]
        for (hidden, cell), (kernel, bias) in zip(above, self._upper, strict=True):
            operand = tf.concat([new_state[-1][0], hidden], 1)
            new_state.append(_cell(tf.matmul(operand, kernel) + bias, cell))
        return new_state[-1][0], new_state


def first_gpu() -> str | None:
    """Return the name of the first GPU, None if there is none; with one, TensorFlow computes alike in every run."""
    if not tf.config.list_physical_devices("GPU"):
        return None
    # Otherwise products are timed at the start of a run to choose among algorithms that round differently.
    tf.config.experimental.enable_op_determinism()
    return "/GPU:0"


def filtered(
    logits: Any, config: SamplingConfig, forbidden: NDArray[np.bool_], temperatures: Sequence[float] | None = None
) -> Any:
    """Return the logits (N, V) that a symbol is drawn from, as `shaping.shaping_of` shapes them.

    Args:
        logits: the network's, (N, V).
        config: temperature, top-k, top-p and min-p; the repetition penalty and the temperature where words start
            are for the processor.
        forbidden: which symbols are never drawn, (V,).
        temperatures: of each row, (N,), in place of the configuration's.
    """
    if forbidden.any():
        logits = tf.where(forbidden, -np.inf, logits)
    wanted = np.array(temperatures or [config.temperature])
    if (wanted != 1).any():
        shifted = tf.cast(logits - tf.reduce_max(logits, axis=1, keepdims=True), tf.float64)
        scaled = tf.maximum(shifted / np.where(wanted == 0, 1, wanted)[:, None], np.finfo(np.float32).min)
        scaled = tf.where(forbidden, -np.inf, tf.cast(scaled, tf.float32))
        logits = tf.where((wanted == 0)[:, None], _keep_top_k(logits, 1), scaled) if (wanted == 0).any() else scaled
    if config.top_k:
        logits = _keep_top_k(logits, config.top_k)
    if config.top_p < 1:
        logits = _keep_top_p(logits, config.top_p)
    if config.min_p:
        least = tf.reduce_max(logits, axis=1, keepdims=True) + np.float32(np.log(config.min_p))
        logits = tf.where(logits >= least, logits, -np.inf)
    return logits


def draw(logits: Any, uniform: Any) -> Any:
    """Draw one symbol a row by inverting the cumulative distribution, in float64 as `generate.draw`.

    Args:
        logits: (N, V).
        uniform: numbers in [0, 1), (N,), float64.

    Returns:
        Ids (N,), int64.
    """
    cumulative = tf.cumsum(_softmax(logits), axis=1)
    reached = cumulative <= (uniform * cumulative[:, -1])[:, None]
    return tf.reduce_sum(tf.cast(reached, tf.int64), axis=1)


def _cell(gates: Any, cell: Any) -> tuple[Any, Any]:
    """Return the new output and cell, (N, H), from the sums at the gates i, f, g, o, (N, 4H), and the cell."""
    i, f, g, o = tf.split(gates, 4, axis=1)
    cell = tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(cell), cell


def _keep_top_k(logits: Any, k: int) -> Any:
    if k >= logits.shape[1]:
        return logits
    return tf.where(tf.cast(_places(_ranked(logits)), tf.int64) < k, logits, -np.inf)


def _keep_top_p(logits: Any, p: float) -> Any:
    ranked = _ranked(logits)
    before = tf.cumsum(tf.gather(_softmax(logits), ranked, batch_dims=1), axis=1, exclusive=True)
    return tf.where(tf.gather(before, _places(ranked), batch_dims=1) < p, logits, -np.inf)


def _softmax(logits: Any) -> Any:
    return tf.nn.softmax(tf.cast(logits, tf.float64))


def _ranked(logits: Any) -> Any:
    """Return the ids of each row from the likeliest down, (N, V); of equals, the lower id first."""
    return tf.math.top_k(logits, logits.shape[1]).indices


def _places(ranked: Any) -> Any:
    """Return the place of each id in its row, (N, V): the inverse of the permutation `ranked`."""
    # As floats, exact up to 2 ** 24: arithmetic on int32, as in tf.argsort, would go through the host's memory.
    return tf.math.top_k(-tf.cast(ranked, tf.float32), ranked.shape[1]).indices
