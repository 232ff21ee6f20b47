"""One step of an LSTM layer, forward and back, with the weights laid out for its products; see `lstm_kernel`."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import tensorflow as tf

from charlstm.model.matmul import matmul, matmul_by_transposed, sum_by_transposed

BLOCK_STEPS = 10  # Steps per weight-gradient product; see Cell.weight_gradients.
ONE_HOT_SYMBOLS = 256  # Up to here the gradient of the row lookup is a product; see Cell._kernel_gradient.

# Where Keras's gate order (i, f, g, o) has to be read from: the forward rows put the three sigmoids side by side.
_FORWARD_GATES = [0, 1, 3, 2]


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


class SavedStep(NamedTuple):
    """What one layer at one step leaves for the gradient; everything (features, B)."""

    operand: tf.Tensor
    c: tf.Tensor
    i: tf.Tensor
    f: tf.Tensor
    g: tf.Tensor
    o: tf.Tensor
    tanh_c: tf.Tensor


class Cell:
    """One layer's weights laid out for the products, once for all steps, and its part of the two passes."""

    def __init__(self, weights: LayerWeights, dtype: tf.DType, width: Any, *, is_bottom: bool, is_lookup: bool) -> None:
        self.dtype, self.is_bottom, self.is_lookup = dtype, is_bottom, is_lookup
        self.units, self.inputs = weights.recurrent_kernel.shape[0], weights.kernel.shape[0]
        bias = self._forward_gates(weights.bias[None])
        parts = [weights.recurrent_kernel] if is_bottom else [weights.kernel, weights.recurrent_kernel]
        self.table = self._forward_gates(weights.kernel) + bias if is_lookup else None
        self.projection = None
        if is_bottom and not is_lookup:
            self.projection = self._forward_rows(tf.transpose(tf.cast(weights.kernel, dtype)))
        joined = tf.concat([tf.cast(part, dtype) for part in parts], 0)
        # Transposed before the gates are put in order: a transpose right before a product would be folded into each
        # product of the loop, which then runs at a third of its speed (AVX2: 20 against 70 GFLOP/s on one core).
        self.forward_weights = self._forward_rows(tf.transpose(joined))
        self.column_bias = tf.transpose(bias)
        self.backward_kernel = self._backward_gates(tf.cast(weights.kernel, dtype))
        self.backward_recurrent = self._backward_gates(tf.cast(weights.recurrent_kernel, dtype))
        self._set_width(width)

    def of_width(self, width: int) -> Cell:
        """Return the same layer over a part of the batch."""
        cell = copy.copy(self)
        cell._set_width(width)
        return cell

    def _set_width(self, width: Any) -> None:
        self.width = width
        self.gate_shape = tf.stack([4 * self.units, width])
        # A broadcast sum would cost more than one with an array of the same shape.
        self.bias = tf.tile(self.column_bias, (1, width))
        # Called once a step, traced once: the graph is made in a third of the time, and TensorFlow inlines the calls.
        self.cell = tf.function(self._cell, autograph=False)
        self.cell_gradient = tf.function(self._cell_gradient, autograph=False)

    def inputs_by_step(self, inputs: tf.Tensor) -> list[tf.Tensor]:
        """Return what the inputs of all steps, known before the first, give to the gates at each: (4H, B).

        So no step waits for that product: an epoch of 3 x 256 of which only the highest layer trains took 14.2 s on two
        cores with it inside the steps, and 12.9 s so; one of all layers 29 s.
        """
        by_step: list[tf.Tensor] = []
        # In blocks, which stay in the cache and let the loop start early.
        for start in range(0, inputs.shape[0], BLOCK_STEPS):
            read = inputs[start : start + BLOCK_STEPS]
            if self.is_lookup:
                gates = tf.transpose(tf.gather(self.table, read), (0, 2, 1))
            else:
                columns = tf.transpose(tf.cast(read, self.dtype), (0, 2, 1))
                gates = tf.cast(tf.matmul(self.projection, columns), tf.float32) + self.bias
            by_step += tf.unstack(gates)
        return by_step

    def _cell(
        self, x: tf.Tensor, h: tf.Tensor, c: tf.Tensor, mask: tf.Tensor | None
    ) -> tuple[SavedStep, tf.Tensor, tf.Tensor, tf.Tensor]:
        """One step: what the gradient needs, the new cell, the new output, and that on its way up."""
        # Above the bottom one product over input and state: no sum of two, and no array of projections in memory.  In
        # two products, training steps ran at 0.94 to 0.98 of the speed (2 x 128 and 3 x 512, float32 and bfloat16).
        operand, added = (h, x) if self.is_bottom else (tf.concat([x, h], 0), self.bias)
        gates = tf.cast(matmul(self.forward_weights, operand), tf.float32) + added
        sigmoids, candidate = tf.split(gates, [3 * self.units, self.units])
        i, f, o = tf.split(tf.sigmoid(sigmoids), 3)
        g = tf.tanh(candidate)
        new_c = f * c + i * g
        tanh_c = tf.tanh(new_c)
        new_h = o * tanh_c
        return SavedStep(operand, c, i, f, g, o, tanh_c), new_c, new_h, new_h if mask is None else new_h * mask

    def _cell_gradient(
        self, saved: SavedStep, h: tf.Tensor, c: tf.Tensor, above: tf.Tensor, mask: tf.Tensor | None
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
        # In one product, of both weights, training steps ran at 0.9 (2 x 128, float32) to 1.0 of the speed.
        before = tf.cast(matmul(self.backward_recurrent, gates), tf.float32)
        below = above if self.is_lookup else tf.cast(matmul(self.backward_kernel, gates), tf.float32)
        return gates, before, result.cs_prev_grad, below

    def weight_gradients(
        self, inputs: tf.Tensor, saved: list[tuple[SavedStep, ...]], gates: list[tuple[tf.Tensor, ...]]
    ) -> list[tf.Tensor]:
        """Gradients of kernel, recurrent kernel and bias: products over blocks of steps, then their sum.

        Blocks, for then the products fill gaps of the loop and let go of the gates, in place of all at the
        end: at 3 x 512, float32, blocks of 10 gave 9,592, of 25 9,406, of 50 9,020 characters per second.

        Args:
            inputs: of the bottom layer, (T, B) or (T, B, D).
            saved: what each step left, the last step first, of each part of the batch.
            gates: the gradients of each step's gates, in the same order.
        """
        reversed_inputs = None
        if self.is_bottom:
            reversed_inputs = tf.reverse(inputs if self.is_lookup else tf.cast(inputs, self.dtype), [0])
        of_inputs: list[tf.Tensor] = []
        of_gates: list[tf.Tensor] = []
        operands: list[tf.Tensor] = []
        biases: list[tf.Tensor] = []
        for start in range(0, len(saved), BLOCK_STEPS):
            block = slice(start, start + BLOCK_STEPS)
            joined = tf.concat([part for step in gates[block] for part in step], 1)
            if reversed_inputs is not None:
                of_inputs.append(self._kernel_gradient(reversed_inputs[block], joined))
            of_gates.append(joined)
            operands.append(tf.concat([part.operand for step in saved[block] for part in step], 1))
            if not self.is_lookup:
                biases.append(_row_sums(joined))
        weights = self._keras_gates(sum_by_transposed(of_gates, operands))
        if self.is_bottom:
            kernel, recurrent_kernel = self._keras_gates(tf.add_n(of_inputs)), weights
        else:
            kernel, recurrent_kernel = tf.split(weights, [self.inputs, self.units])
        # Of looked up rows one is read at each step, so theirs sum up to that of the bias: 2 x 128, bfloat16: 1.006.
        bias = tf.reduce_sum(kernel, 0) if self.is_lookup else self._keras_gates(tf.add_n(biases))[0]
        return [kernel, recurrent_kernel, bias]

    def _kernel_gradient(self, inputs: tf.Tensor, gates: tf.Tensor) -> tf.Tensor:
        """Gradient (4H, D) of the bottom layer's kernel, of ids (t, B) or cast inputs (t, B, D), by gates (4H, t * B).

        That of looked up rows is a sum of the gates of every symbol; with few symbols a product with the one-hot ids
        beats transposing the gates for a segment sum.
        """
        if not self.is_lookup:
            return tf.cast(tf.matmul(gates, tf.reshape(inputs, (-1, self.inputs))), tf.float32)
        ids = tf.reshape(inputs, [-1])
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
        """(K, 4H): from gates i, f, g, o to i, g, f, o within every unit, the order of LSTMBlockCellGrad."""
        # As two pairs, (i, f) and (g, o), the gates change their order by a transpose, in one pass with that of the
        # units: with a pass of its own, training steps of 3 x 512 in float32 took 1.006 times as long.
        pairs = tf.reshape(matrix, (-1, 2, 2, self.units))
        return tf.reshape(tf.transpose(pairs, (0, 3, 2, 1)), (-1, 4 * self.units))

    def _keras_gates(self, matrix: tf.Tensor) -> tf.Tensor:
        """(4H, K), gates i, g, f, o within every unit, to (K, 4H) in Keras's order."""
        pairs = tf.reshape(matrix, (self.units, 2, 2, -1))
        return tf.reshape(tf.transpose(pairs, (3, 2, 1, 0)), (-1, 4 * self.units))


def _outer(gates: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """(4H, N) and (K, N) to (4H, K), float32."""
    return tf.cast(matmul_by_transposed(gates, right), tf.float32)


def _row_sums(gates: tf.Tensor) -> tf.Tensor:
    """(4H, N) to (4H, 1), float32."""
    if gates.dtype == tf.float32:
        return tf.reduce_sum(gates, 1, keepdims=True)
    # With a cast to float32 and a sum in place of the product, training steps of 2 x 128 ran at 0.98 of the speed.
    return _outer(gates, tf.ones_like(gates[:1]))
