"""A stack of LSTM layers over a whole sequence on a CPU, with its own gradient: arrays in, arrays out.

Inside, every array is feature-major: a state is (H, B), the gates of one step are (4H, B).  A product is
then weights @ state, where the matrix library packs only its small right side; as state @ weights it packs
the large weights anew at every step (one core, 512 units, batch 64, bfloat16: 410 against 328 GFLOP/s, at
batch 32 380 against 270).  It also makes every split of the gates a view, and the gradient needs no
transposed weights.

The loop over the steps is unrolled, so TensorFlow's executor sees that layer l at step t and layer l - 1 at
step t + 1 are independent and runs them beside each other; set ``intra_op_parallelism_threads`` to 1.  With
more cores than layers, parts of the batch run beside each other as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import tensorflow as tf

from charlstm.model.lstm_cell import BLOCK_STEPS, Cell, LayerWeights, SavedStep

# Rows of a part of a batch, at least: products with fewer are slow.  256 units on one core, AVX2, float32: 81 GFLOP/s
# with 64 rows, 75 with 32, 61 with 16, 41 with 12, 37 with 8.
NARROWEST_PART = 16
# Every part is traced and compiled by itself: 1 x 512, 100 steps, took 4.5 s to its first step in one part, 6.9 in two.
MOST_PARTS = 4


class LayerState(NamedTuple):
    """The state between two steps of one layer.

    Attributes:
        h: (B, H), the output.
        c: (B, H), the cell.
    """

    h: tf.Tensor
    c: tf.Tensor


def lstm(
    inputs: tf.Tensor,
    h: tf.Tensor,
    c: tf.Tensor,
    kernel: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    bias: tf.Tensor,
    *,
    precision: str = "float32",
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Run one LSTM layer over a sequence; see `lstm_stack`, of which this is the case of one layer.

    Returns:
        Outputs (T, B, H), final h (B, H), final c (B, H); all float32.
    """
    weights = LayerWeights(kernel, recurrent_kernel, bias)
    outputs, (state,) = lstm_stack(inputs, [LayerState(h, c)], [weights], precision=precision)
    return tf.concat(outputs, 0), state.h, state.c


def lstm_stack(
    inputs: tf.Tensor,
    states: Sequence[LayerState],
    weights: Sequence[LayerWeights],
    *,
    masks: Sequence[tf.Tensor | None] | None = None,
    precision: str = "float32",
    cores: int = 1,
) -> tuple[list[tf.Tensor], list[LayerState]]:
    """Run LSTM layers on top of each other over a sequence.

    The outputs come in blocks of time, so that what is made of them runs beside the steps to come, and its gradient
    beside the steps of the gradient: a softmax head over all steps at once left one of two cores idle for a fifth of
    a training step of 2 x 128.

    Args:
        inputs: symbol ids (T, B), integers, whose one-hot product is a row lookup; or floats (T, B, D).
            T must be static.
        states: one per layer, float32.
        weights: one per layer, float32.
        masks: one per layer, (T, H, B) or for all steps (1, H, B), float32: what its outputs are multiplied by on
            their way up, not on their way to the next step; None for a layer, or for all, multiplies by nothing.
        precision: "float32", or "bfloat16" for products of bfloat16 numbers, each rounded to bfloat16, around float32
            states and weights; a weight's gradient is summed over blocks of steps in float32.
        cores: to keep at work, by parts of the batch where the layers are fewer, if the batch is static.  Sums of
            another number of parts are rounded otherwise.

    Returns:
        Outputs of the last layer, a list of (BLOCK_STEPS, B, H), the last perhaps shorter, and the final states, all
        float32.

    Raises:
        ValueError: T is not static, or `precision` is unknown.

    Source:
        Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; Gers et al. for the forget gate, 2000.
    """
    steps, batch = inputs.shape[:2]
    if steps is None:
        raise ValueError(f"the LSTM kernel needs static steps, not {inputs.shape}")
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"precision must be float32 or bfloat16, not {precision!r}")
    count = len(weights)
    up_masks = list(masks or [None] * count)
    blocks = [slice(start, start + BLOCK_STEPS) for start in range(0, steps, BLOCK_STEPS)]

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(inputs: tf.Tensor, *arrays: tf.Tensor) -> Any:
        # Without stop_gradient the caller's tape would record every operation of the loop as well.
        inputs, *flat = [tf.stop_gradient(array) for array in (inputs, *arrays)]
        own_states = [LayerState(*flat[2 * i : 2 * i + 2]) for i in range(count)]
        own_weights = [LayerWeights(*flat[2 * count + 3 * i : 2 * count + 3 * i + 3]) for i in range(count)]
        width = tf.shape(inputs)[1] if batch is None else batch
        dtype = tf.as_dtype(precision)
        layers = [
            Cell(own_weights[i], dtype, width, is_bottom=i == 0, is_lookup=i == 0 and inputs.dtype.is_integer)
            for i in range(count)
        ]
        tapes = [_forward(part, inputs, own_states, up_masks) for part in _parted(layers, batch, cores)]
        outputs = [
            tf.concat([tf.transpose(tf.stack(tape.outputs[block]), (0, 2, 1)) for tape in tapes], 1) for block in blocks
        ]
        final = [_rows_of_parts(arrays) for arrays in zip(*[tape.final for tape in tapes], strict=True)]

        def gradient(*gradients: tf.Tensor) -> Any:
            backs = [_backward(tape, gradients[: len(blocks)], gradients[len(blocks) :]) for tape in tapes]
            return _joined(layers, inputs, tapes, backs)

        return (*outputs, *final), gradient

    flat = [array for state in states for array in state] + [array for layer in weights for array in layer]
    results = run(inputs, *flat)
    outputs, final = list(results[: len(blocks)]), results[len(blocks) :]
    return outputs, [LayerState(*final[2 * i : 2 * i + 2]) for i in range(count)]


class _Part(NamedTuple):
    """A part of the batch: its rows, and the layers laid out for so many."""

    rows: slice
    layers: list[Cell]


def _parted(layers: list[Cell], batch: int | None, cores: int) -> list[_Part]:
    """Return as many parts of a batch as give every core work, none of them too narrow.

    One part keeps as many cores at work as there are layers, and one more with the products of inputs that are no
    lookup; more parts cost a little, for their products are smaller.  Training in two parts against one, two cores,
    AVX2, float32, batches of 64: 1 x 512 1.36 times as fast, 1 x 128 1.03; where one part suffices, 2 x 128 0.94,
    3 x 512 0.97, the highest of three layers alone 0.93 (128 units), 1.00 (256), 1.10 (512), and with batches of 32
    0.86 (256), 0.91 (512).  Not measured on more cores.
    """
    busy = len(layers) + (not layers[0].is_lookup)
    count = min(-(-cores // busy), (batch or 0) // NARROWEST_PART, MOST_PARTS)
    if batch is None or count < 2:
        return [_Part(slice(None), layers)]
    ends = [batch * part // count for part in range(count + 1)]
    return [
        _Part(slice(start, end), [layer.of_width(end - start) for layer in layers]) for start, end in pairwise(ends)
    ]


def _rows_of_parts(arrays: Sequence[tf.Tensor]) -> tf.Tensor:
    """Join (H, B) of each part to (B, H) of the batch."""
    return tf.concat([tf.transpose(array) for array in arrays], 0)


class _Tape(NamedTuple):
    """A part's run: its outputs per step, final h and c per layer, saved steps and masks per layer."""

    part: _Part
    outputs: list[tf.Tensor]
    final: list[tf.Tensor]
    saved: list[list[SavedStep]]
    masks: list[list[tf.Tensor] | None]


def _forward(
    part: _Part,
    inputs: tf.Tensor,
    states: list[LayerState],
    masks: list[tf.Tensor | None],
) -> _Tape:
    """Run a part of the batch; the arguments are those of the whole."""
    rows, layers = part
    from_below = layers[0].inputs_by_step(inputs[:, rows])
    by_step = [None if mask is None else _mask_by_step(mask[:, :, rows], len(from_below)) for mask in masks]
    cells = [tf.transpose(state.c[rows]) for state in states]
    hidden = [tf.transpose(state.h[rows]) for state in states]
    operands = [tf.cast(h, layer.dtype) for h, layer in zip(hidden, layers, strict=True)]
    saved: list[list[SavedStep]] = [[] for _ in layers]
    outputs = []
    for step, x in enumerate(from_below):
        for number, layer in enumerate(layers):
            masks_here = by_step[number]
            mask = None if masks_here is None else masks_here[step]
            kept, cells[number], hidden[number], up = layer.cell(x, operands[number], cells[number], mask)
            saved[number].append(kept)
            operands[number] = tf.cast(hidden[number], layer.dtype)
            x = operands[number] if mask is None else tf.cast(up, layer.dtype)
        outputs.append(up)
    return _Tape(part, outputs, [array for pair in zip(hidden, cells, strict=True) for array in pair], saved, by_step)


def _mask_by_step(mask: tf.Tensor, steps: int) -> list[tf.Tensor]:
    by_step: list[tf.Tensor] = tf.unstack(mask)
    return by_step * steps if len(by_step) == 1 else by_step


class _Back(NamedTuple):
    """A part's gradients: of inputs by step, of first h and c per layer, of gates per layer from the last step."""

    below: list[tf.Tensor]
    first: list[tf.Tensor]
    gates: list[list[tf.Tensor]]


def _backward(tape: _Tape, output_gradients: Sequence[tf.Tensor], state_gradients: Sequence[tf.Tensor]) -> _Back:
    """Run the gradient of a part of the batch; the arguments are those of the whole."""
    rows, layers = tape.part
    from_above = [step for block in output_gradients for step in tf.unstack(tf.transpose(block[:, rows], (0, 2, 1)))]
    hidden = [tf.transpose(gradient[rows]) for gradient in state_gradients[0::2]]
    cells = [tf.transpose(gradient[rows]) for gradient in state_gradients[1::2]]
    gate_gradients: list[list[tf.Tensor]] = [[] for _ in layers]
    below = []
    for step in reversed(range(len(from_above))):
        above = from_above[step]
        for number in reversed(range(len(layers))):
            masks = tape.masks[number]
            mask = None if masks is None else masks[step]
            gates, hidden[number], cells[number], above = layers[number].cell_gradient(
                tape.saved[number][step], hidden[number], cells[number], above, mask
            )
            gate_gradients[number].append(gates)
        below.append(above)
    first = [array for pair in zip(hidden, cells, strict=True) for array in pair]
    return _Back(below[::-1], first, gate_gradients)


def _joined(
    layers: list[Cell], inputs: tf.Tensor, tapes: list[_Tape], backs: list[_Back]
) -> tuple[tf.Tensor | None, ...]:
    """Join the parts of the batch: the gradients of the inputs, of h and c of every layer, and of its weights.

    Those of the weights are products over all parts, in the order of the batch.
    """
    input_gradient = None
    if not layers[0].is_lookup:
        input_gradient = tf.concat([tf.transpose(tf.stack(back.below), (0, 2, 1)) for back in backs], 1)
    first_states = [_rows_of_parts(arrays) for arrays in zip(*[back.first for back in backs], strict=True)]
    weight_gradients: list[tf.Tensor] = []
    for number, layer in enumerate(layers):
        saved = zip(*[tape.saved[number][::-1] for tape in tapes], strict=True)
        gates = zip(*[back.gates[number] for back in backs], strict=True)
        weight_gradients += layer.weight_gradients(inputs, list(saved), list(gates))
    return (input_gradient, *first_states, *weight_gradients)
