"""A Keras LSTM layer that runs on this project's own kernel on a CPU and on cuDNN on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from charlstm.config import MAX_UNROLLED_STEPS
from charlstm.model.lstm_cell import LayerWeights
from charlstm.model.lstm_kernel import lstm


class LSTM(keras.layers.LSTM):
    """`keras.layers.LSTM`, with its weights and its configuration, on a faster kernel where one is.

    Args:
        units: H.
        precision: "float32", or "bfloat16" for bfloat16 products around float32 states.  How a run computes,
            not what a model is, hence not in the configuration.
        **options: as in keras.layers.LSTM.

    Raises:
        ValueError: `stateful=True`; the state goes in and comes out.

    Source:
        keras.layers.LSTM of Keras 3: shapes, gate order (i, f, c, o), initializers.
    """

    def __init__(self, units: int, *, precision: str = "float32", **options: Any) -> None:
        if options.get("stateful"):
            raise ValueError("this layer keeps no state; pass initial_state and take it back with return_state=True")
        super().__init__(units, **options)
        self.precision = precision

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Run over (B, T, D) from [h, c]; return last output, outputs and [h, c], as Keras does."""
        gpus = len(tf.config.list_physical_devices("GPU"))
        if not use_own_kernel(self, sequences.shape[1], gpus=gpus, masked=mask is not None, training=training):
            return super().inner_loop(sequences, initial_state, mask, training=training)
        h, c = initial_state
        time_major = tf.transpose(sequences, (1, 0, 2))
        outputs, h, c = lstm(time_major, h, c, *layer_weights(self), precision=self.precision)
        return h, tf.transpose(outputs, (1, 0, 2)), [h, c]


def run_with(layer: keras.layers.LSTM, weights: LayerWeights, inputs: Any, state: Any) -> Any:
    """Run a built layer over inputs (B, T, D) with weights that stand for its own.

    Args:
        layer: what returns its outputs (B, T, H) and its state.
        weights: its own, or what was made of them; a gradient flows through them.
        inputs: (B, T, D).
        state: h and c before, (B, H).
    """
    others = [variable.value for variable in layer.non_trainable_variables]
    result, _ = layer.stateless_call(list(weights), others, inputs, initial_state=state)
    return result


def use_own_kernel(
    layer: keras.layers.LSTM, steps: int | None, *, gpus: int, masked: bool = False, training: bool = False
) -> bool:
    """Whether the kernel of this project computes what the layer asks for, and faster than Keras does.

    Args:
        layer: its activations, bias, dropout, direction and dtype count.
        steps: T, None if it is not known when the graph is built.
        gpus: how many GPUs there are; with one, Keras has cuDNN.
        masked: whether there is a mask.
        training: whether dropout is at work.
    """
    if gpus or masked or steps is None or not 0 < steps <= MAX_UNROLLED_STEPS:
        return False
    if layer.activation is not keras.activations.tanh or layer.recurrent_activation is not keras.activations.sigmoid:
        return False
    drops = training and (layer.dropout or layer.recurrent_dropout)
    return bool(layer.use_bias and not layer.go_backwards and not drops and layer.compute_dtype == "float32")


def layer_weights(layer: keras.layers.LSTM) -> LayerWeights:
    """Return the weights of a built layer for the kernel."""
    cell = layer.cell
    return LayerWeights(*(tf.convert_to_tensor(weight) for weight in (cell.kernel, cell.recurrent_kernel, cell.bias)))


def stack_weights(layers: Sequence[keras.layers.LSTM]) -> list[LayerWeights]:
    """Return the weights of built layers, lowest first, for `lstm_kernel.lstm_stack`."""
    return [layer_weights(layer) for layer in layers]
