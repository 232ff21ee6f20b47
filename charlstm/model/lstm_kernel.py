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

BLOCK_STEPS = 10  # Steps per weight-gradient product; see _weight_gradients.
ONE_HOT_SYMBOLS = 256  # Up to here the gradient of the row lookup is a product; see _lookup_gradient.

# Where Keras's gate order (i, f, g, o) has to be read from: the forward rows put the three sigmoids side by
# side; the gradient uses the order of LSTMBlockCellGrad (i, g, f, o), and back.
_FORWARD_GATES = [0, 1, 3, 2]
_BACKWARD_GATES = [0, 2, 1, 3]


class LayerWeights(NamedTuple):
    """The weights of one layer, shaped and ordered as Keras keeps them (gates i, f, g, o).

    Attributes:
        kernel: (D, 4H).
        recurrent_kernel: (H, 4H).
        bias: (4H,).
    """

    kernel: tf.Tensor
    recurrent_kernel: tf.Tensor
    bias: tf.Tensor


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
    return outputs, state.h, state.c


def lstm_stack(
    inputs: tf.Tensor,
    states: Sequence[LayerState],
    weights: Sequence[LayerWeights],
    *,
    masks: Sequence[tf.Tensor | None] | None = None,
    precision: str = "float32",
    shards: int = 1,
) -> tuple[tf.Tensor, list[LayerState]]:
    """Run LSTM layers on top of each other over a sequence.

    Args:
        inputs: symbol ids (T, B), integers, whose one-hot product is a row lookup; or floats (T, B, D).
            T must be static, and so must B with more than one shard.
        states: one per layer, float32.
        weights: one per layer, float32.
        masks: one per layer, (T, H, B), float32: what its outputs are multiplied by on their way up, not on their
            way to the next step; None for a layer, or for all, multiplies by nothing.
        precision: "float32", or "bfloat16" for bfloat16 products around float32 states, gates and sums.
        shards: parts of the batch that run independently of each other; divides B.

    Returns:
        Outputs of the last layer (T, B, H) and the final states, all float32.

    Raises:
        ValueError: T is not static, `shards` does not divide B, or `precision` is unknown.

    Source:
        Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; Gers et al. for the forget gate, 2000.
    """
    steps, batch = inputs.shape[:2]
    if steps is None or (batch is None and shards > 1):
        raise ValueError(f"the LSTM kernel needs static steps, and with shards a static batch, not {inputs.shape}")
    if shards > 1 and batch % shards:
        raise ValueError(f"{shards} shards do not divide a batch of {batch}")
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"precision must be float32 or bfloat16, not {precision!r}")
    count = len(weights)
    up_masks = list(masks or [None] * count)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(inputs: tf.Tensor, *arrays: tf.Tensor) -> Any:
        # Without stop_gradient the caller's tape would record every operation of the loop as well.
        inputs, *flat = [tf.stop_gradient(array) for array in (inputs, *arrays)]
        own_states = [LayerState(*flat[2 * i : 2 * i + 2]) for i in range(count)]
        own_weights = [LayerWeights(*flat[2 * count + 3 * i : 2 * count + 3 * i + 3]) for i in range(count)]
        width = tf.shape(inputs)[1] if batch is None else batch // shards
        dtype = tf.as_dtype(precision)
        layers = [
            _Layer(own_weights[i], dtype, width, is_lookup=i == 0 and inputs.dtype.is_integer) for i in range(count)
        ]
        parts = [slice(i * width, (i + 1) * width) for i in range(shards)]
        tapes = [_forward(layers, inputs[:, part], part, own_states, up_masks) for part in parts]
        outputs = tf.transpose(tf.concat([tf.stack(tape.outputs) for tape in tapes], 2), (0, 2, 1))

        def gradient(output_gradient: tf.Tensor, *state_gradients: tf.Tensor) -> Any:
            return _backward(layers, inputs, parts, tapes, output_gradient, state_gradients)

        return (outputs, *_join_states([tape.final for tape in tapes])), gradient

    flat = [array for state in states for array in state] + [array for layer in weights for array in layer]
    outputs, *final = run(inputs, *flat)
    return outputs, [LayerState(*final[2 * i : 2 * i + 2]) for i in range(count)]


class _Step(NamedTuple):
    """What one layer at one step leaves for the gradient; everything (features, B)."""

    operand: tf.Tensor
    c: tf.Tensor
    i: tf.Tensor
    f: tf.Tensor
    g: tf.Tensor
    o: tf.Tensor
    tanh_c: tf.Tensor


class _Tape(NamedTuple):
    """One shard's run: its outputs per step, final h and c per layer, saved steps and masks per layer."""

    outputs: list[tf.Tensor]
    final: list[tf.Tensor]
    saved: list[list[_Step]]
    masks: list[list[tf.Tensor] | None]


def _forward(
    layers: list[_Layer],
    inputs: tf.Tensor,
    part: slice,
    states: list[LayerState],
    masks: list[tf.Tensor | None],
) -> _Tape:
    """Run one shard of the batch."""
    from_below = layers[0].inputs_by_step(inputs)
    by_step = [None if mask is None else tf.unstack(mask[:, :, part]) for mask in masks]
    cells = [tf.transpose(state.c[part]) for state in states]
    hidden = [tf.transpose(state.h[part]) for state in states]
    operands = [tf.cast(h, layer.dtype) for h, layer in zip(hidden, layers, strict=True)]
    saved: list[list[_Step]] = [[] for _ in layers]
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


def _backward(
    layers: list[_Layer],
    inputs: tf.Tensor,
    parts: list[slice],
    tapes: list[_Tape],
    output_gradient: tf.Tensor,
    state_gradients: Sequence[tf.Tensor],
) -> tuple[tf.Tensor | None, ...]:
    """Return the gradients of the inputs, of h and c of every layer, and of every layer's weights."""
    gate_gradients: list[list[tf.Tensor]] = [[] for _ in layers]
    input_gradients, first_states = [], []
    for part, tape in zip(parts, tapes, strict=True):
        from_above = tf.unstack(tf.transpose(output_gradient[:, part], (0, 2, 1)))
        hidden = [tf.transpose(gradient[part]) for gradient in state_gradients[0::2]]
        cells = [tf.transpose(gradient[part]) for gradient in state_gradients[1::2]]
        below = []
        for step in reversed(range(len(from_above))):
            above = from_above[step]
            for number in reversed(range(len(layers))):
                layer, masks = layers[number], tape.masks[number]
                mask = None if masks is None else masks[step]
                saved = tape.saved[number][step]
                gates, hidden[number], cells[number], above = layer.cell_gradient(
                    saved, hidden[number], cells[number], above, mask
                )
                gate_gradients[number].append(gates)
            below.append(above)
        input_gradients.append(tf.stack(below[::-1]))
        first_states.append([array for pair in zip(hidden, cells, strict=True) for array in pair])
    input_gradient = None if layers[0].is_lookup else tf.transpose(tf.concat(input_gradients, 2), (0, 2, 1))
    weight_gradients: list[tf.Tensor] = []
    for number, layer in enumerate(layers):
        saved_steps = [step for tape in tapes for step in reversed(tape.saved[number])]
        weight_gradients += layer.weight_gradients(inputs, parts, saved_steps, gate_gradients[number])
    return (input_gradient, *_join_states(first_states), *weight_gradients)


class _Layer:
    """One layer's weights laid out for the products, once for all steps, and its part of the two passes."""

    def __init__(self, weights: LayerWeights, dtype: tf.DType, width: Any, *, is_lookup: bool) -> None:
        self.dtype, self.width, self.is_lookup = dtype, width, is_lookup
        self.units, self.inputs = weights.recurrent_kernel.shape[0], weights.kernel.shape[0]
        self.gate_shape = tf.stack([4 * self.units, width])
        bias = self._forward_gates(weights.bias[None])
        parts = [weights.recurrent_kernel] if is_lookup else [weights.kernel, weights.recurrent_kernel]
        self.table = self._forward_gates(weights.kernel) + bias if is_lookup else None
        joined = tf.concat([tf.cast(part, dtype) for part in parts], 0)
        # Transposed before the gates are put in order: a transpose right before a product would be folded into each
        # product of the loop, which then runs at a third of its speed (AVX2: 20 against 70 GFLOP/s on one core).
        self.forward_weights = self._forward_rows(tf.transpose(joined))
        # A broadcast sum would cost more than one with an array of the same shape.
        self.bias = tf.tile(tf.transpose(bias), (1, width))
        # Called once a step, traced once: the graph is made in a third of the time, and TensorFlow inlines the calls.
        self.cell = tf.function(self._cell, autograph=False)
        self.cell_gradient = tf.function(self._cell_gradient, autograph=False)
        self.backward_kernel = self._backward_gates(tf.cast(weights.kernel, dtype))
        self.backward_recurrent = self._backward_gates(tf.cast(weights.recurrent_kernel, dtype))

    def inputs_by_step(self, inputs: tf.Tensor) -> list[tf.Tensor]:
        """Return what this layer reads at each step: gates (4H, B) looked up, or inputs (D, B)."""
        if not self.is_lookup:
            return tf.unstack(tf.cast(tf.transpose(inputs, (0, 2, 1)), self.dtype))  # type: ignore[no-any-return]
        by_step: list[tf.Tensor] = []
        # In blocks, which stay in the cache and let the loop start early.
        for start in range(0, inputs.shape[0], BLOCK_STEPS):
            rows = tf.gather(self.table, inputs[start : start + BLOCK_STEPS])
            by_step += tf.unstack(tf.transpose(rows, (0, 2, 1)))
        return by_step

    def _cell(
        self, x: tf.Tensor, h: tf.Tensor, c: tf.Tensor, mask: tf.Tensor | None
    ) -> tuple[_Step, tf.Tensor, tf.Tensor, tf.Tensor]:
        """One step: what the gradient needs, the new cell, the new output, and that on its way up."""
        # One product over input and state: no sum of two, and no array of projections in memory.
        operand, added = (h, x) if self.is_lookup else (tf.concat([x, h], 0), self.bias)
        gates = tf.cast(tf.matmul(self.forward_weights, operand), tf.float32) + added
        sigmoids, candidate = tf.split(gates, [3 * self.units, self.units])
        i, f, o = tf.split(tf.sigmoid(sigmoids), 3)
        g = tf.tanh(candidate)
        new_c = f * c + i * g
        tanh_c = tf.tanh(new_c)
        new_h = o * tanh_c
        return _Step(operand, c, i, f, g, o, tanh_c), new_c, new_h, new_h if mask is None else new_h * mask

    def _cell_gradient(
        self, saved: _Step, h: tf.Tensor, c: tf.Tensor, above: tf.Tensor, mask: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Gradients of one step's gates (4H, B; i, g, f, o within every unit), of h and c before, and of the input.

        Args:
            saved: what `cell` left.
            h: the gradient of the output, from the next step.
            c: the gradient of the cell, from the next step.
            above: the gradient of the output, from the layer above.
            mask: what the output was multiplied by on its way up.

        LSTMBlockCellGrad has no product inside; its batch is our units and its units our batch, with weights
        of the shape it checks but does not read.  One pass in place of ten: 63 against 91 us at 512 units.
        """
        width = self.width
        peephole = tf.zeros((width,))
        result = tf.raw_ops.LSTMBlockCellGrad(
            x=tf.zeros((self.units, 0)), w=tf.zeros((width, 4 * width)), b=tf.zeros((4 * width,)),
            wci=peephole, wcf=peephole, wco=peephole, use_peephole=False,
            h_prev=saved.c, cs_prev=saved.c, cs=saved.c,  # h_prev and cs are not read without peepholes.
            i=saved.i, f=saved.f, ci=saved.g, o=saved.o, co=saved.tanh_c,
            h_grad=h + (above if mask is None else above * mask), cs_grad=c,
        )  # fmt: skip
        gates = tf.cast(tf.reshape(result.dicfo, self.gate_shape), self.dtype)
        before = tf.cast(tf.matmul(self.backward_recurrent, gates), tf.float32)
        below = above if self.is_lookup else tf.cast(tf.matmul(self.backward_kernel, gates), tf.float32)
        return gates, before, result.cs_prev_grad, below

    def weight_gradients(
        self, inputs: tf.Tensor, parts: list[slice], saved: list[_Step], gates: list[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Gradients of kernel, recurrent kernel and bias: products over blocks of steps, then their sum.

        Blocks, for then the products fill gaps of the loop and let go of the gates, in place of all at the
        end: at 3 x 512, float32, blocks of 10 gave 9,592, of 25 9,406, of 50 9,020 characters per second.
        """
        reversed_ids = None
        if self.is_lookup:
            reversed_ids = tf.concat([tf.reshape(tf.reverse(inputs[:, part], [0]), [-1]) for part in parts], 0)
        lookups: list[tf.Tensor] = []
        products: list[tf.Tensor] = []
        biases: list[tf.Tensor] = []
        size = BLOCK_STEPS * len(parts)
        for start in range(0, len(saved), size):
            block = slice(start, start + size)
            joined = tf.concat(gates[block], 1)
            if reversed_ids is not None:
                ids = reversed_ids[start * self.width : (start + size) * self.width]
                lookups.append(self._lookup_gradient(ids, joined))
            products.append(_outer(joined, tf.concat([step.operand for step in saved[block]], 1)))
            biases.append(tf.reduce_sum(tf.cast(joined, tf.float32), 1, keepdims=True))
        weights, bias = self._keras_gates(tf.add_n(products)), self._keras_gates(tf.add_n(biases))[0]
        if lookups:
            return [self._keras_gates(tf.add_n(lookups)), weights, bias]
        return [*tf.split(weights, [self.inputs, self.units]), bias]

    def _lookup_gradient(self, ids: tf.Tensor, gates: tf.Tensor) -> tf.Tensor:
        """Sum the gate gradients (4H, N) of every symbol: (4H, V).

        With few symbols a product with the one-hot ids beats transposing the gates for a segment sum.
        """
        if self.inputs <= ONE_HOT_SYMBOLS:
            return _outer(gates, tf.one_hot(ids, self.inputs, axis=0, dtype=self.dtype))
        return tf.transpose(tf.math.unsorted_segment_sum(tf.cast(tf.transpose(gates), tf.float32), ids, self.inputs))

    def _forward_gates(self, matrix: tf.Tensor) -> tf.Tensor:
        """(K, 4H): from gates i, f, g, o to i, f, o, g, so that one sigmoid covers three of them."""
        blocks = tf.reshape(matrix, (-1, 4, self.units))
        return tf.reshape(tf.gather(blocks, _FORWARD_GATES, axis=1), (-1, 4 * self.units))

    def _forward_rows(self, matrix: tf.Tensor) -> tf.Tensor:
        """(4H, K): as `_forward_gates`, with the gates in rows."""
        blocks = tf.reshape(matrix, (4, self.units, -1))
        return tf.reshape(tf.gather(blocks, _FORWARD_GATES), (4 * self.units, -1))

    def _backward_gates(self, matrix: tf.Tensor) -> tf.Tensor:
        """(K, 4H): from gates i, f, g, o to i, g, f, o within every unit."""
        blocks = tf.gather(tf.reshape(matrix, (-1, 4, self.units)), _BACKWARD_GATES, axis=1)
        return tf.reshape(tf.transpose(blocks, (0, 2, 1)), (-1, 4 * self.units))

    def _keras_gates(self, matrix: tf.Tensor) -> tf.Tensor:
        """(4H, K), gates i, g, f, o within every unit, to (K, 4H) in Keras's order."""
        blocks = tf.transpose(tf.reshape(matrix, (self.units, 4, -1)), (2, 1, 0))
        return tf.reshape(tf.gather(blocks, _BACKWARD_GATES, axis=1), (-1, 4 * self.units))


def _outer(gates: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """(4H, N) and (K, N) to (4H, K), float32."""
    return tf.cast(tf.matmul(gates, right, transpose_b=True), tf.float32)


def _join_states(shards: list[list[tf.Tensor]]) -> list[tf.Tensor]:
    """Join the batch of h and c of every layer over the shards, back to (B, H)."""
    return [tf.transpose(tf.concat(arrays, 1)) for arrays in zip(*shards, strict=True)]
