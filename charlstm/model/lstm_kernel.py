"""A stack of LSTM layers over a whole sequence on a CPU, with its own gradient: arrays in, arrays out.

Inside, every array is feature-major: a state is (H, B), the gates of one step are (4H, B).  A product is
then weights @ state, where the matrix library packs only its small right side; as state @ weights it packs
the large weights anew at every step (one core, 512 units, batch 64, bfloat16: 410 against 328 GFLOP/s, at
batch 32 380 against 270).  It also makes every split of the gates a view, and the gradient needs no
transposed weights.

The loop over the steps is unrolled, so TensorFlow's executor sees that layer l at step t and layer l - 1 at
step t + 1 are independent and runs them beside each other; set ``intra_op_parallelism_threads`` to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from charlstm.model.lstm_cell import BLOCK_STEPS, Cell, LayerWeights, SavedStep


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
        precision: "float32", or "bfloat16" for bfloat16 products around float32 states, gates and sums.

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
        tape = _forward(layers, inputs, own_states, up_masks)
        outputs = [tf.transpose(tf.stack(tape.outputs[block]), (0, 2, 1)) for block in blocks]

        def gradient(*gradients: tf.Tensor) -> Any:
            return _backward(layers, inputs, tape, gradients[: len(blocks)], gradients[len(blocks) :])

        return (*outputs, *[tf.transpose(array) for array in tape.final]), gradient

    flat = [array for state in states for array in state] + [array for layer in weights for array in layer]
    results = run(inputs, *flat)
    outputs, final = list(results[: len(blocks)]), results[len(blocks) :]
    return outputs, [LayerState(*final[2 * i : 2 * i + 2]) for i in range(count)]


class _Tape(NamedTuple):
    """A run: its outputs per step, final h and c per layer, saved steps and masks per layer."""

    outputs: list[tf.Tensor]
    final: list[tf.Tensor]
    saved: list[list[SavedStep]]
    masks: list[list[tf.Tensor] | None]


def _forward(
    layers: list[Cell],
    inputs: tf.Tensor,
    states: list[LayerState],
    masks: list[tf.Tensor | None],
) -> _Tape:
    from_below = layers[0].inputs_by_step(inputs)
    by_step = [None if mask is None else _mask_by_step(mask, len(from_below)) for mask in masks]
    cells = [tf.transpose(state.c) for state in states]
    hidden = [tf.transpose(state.h) for state in states]
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
    return _Tape(outputs, [array for pair in zip(hidden, cells, strict=True) for array in pair], saved, by_step)


def _mask_by_step(mask: tf.Tensor, steps: int) -> list[tf.Tensor]:
    by_step: list[tf.Tensor] = tf.unstack(mask)
    return by_step * steps if len(by_step) == 1 else by_step


def _backward(
    layers: list[Cell],
    inputs: tf.Tensor,
    tape: _Tape,
    output_gradients: Sequence[tf.Tensor],
    state_gradients: Sequence[tf.Tensor],
) -> tuple[tf.Tensor | None, ...]:
    """Return the gradients of the inputs, of h and c of every layer, and of every layer's weights."""
    from_above = [step for block in output_gradients for step in tf.unstack(tf.transpose(block, (0, 2, 1)))]
    hidden = [tf.transpose(gradient) for gradient in state_gradients[0::2]]
    cells = [tf.transpose(gradient) for gradient in state_gradients[1::2]]
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
    input_gradient = None if layers[0].is_lookup else tf.transpose(tf.stack(below[::-1]), (0, 2, 1))
    first_states = [tf.transpose(array) for pair in zip(hidden, cells, strict=True) for array in pair]
    weight_gradients: list[tf.Tensor] = []
    for layer, saved, gradients in zip(layers, tape.saved, gate_gradients, strict=True):
        weight_gradients += layer.weight_gradients(inputs, saved[::-1], gradients)
    return (input_gradient, *first_states, *weight_gradients)
