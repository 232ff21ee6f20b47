"""The builder: configuration -> keras.Model of stacked LSTM layers, state in, state out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from charlstm.config import ModelConfig, Precision
from charlstm.method_config import RegularizerFields
from charlstm.model.dropout import dropout_mask
from charlstm.model.embedding import Embedding, TiedHead
from charlstm.model.lstm import LSTM, run_with, stack_weights, use_own_kernel
from charlstm.model.lstm_cell import LayerWeights
from charlstm.model.lstm_kernel import LayerState, lstm_stack
from charlstm.model.weight_drop import with_dropped_rows, with_dropped_weights
from charlstm.model.weights import Array
from charlstm.store.model_directory import Weights, weight_shapes

# For each layer from the bottom: hidden values and cell, each (B, H).
State = list[tuple[Any, Any]]

NO_NOISE = RegularizerFields()
# What a mask is drawn for, where it is not for the outputs of a layer, whose number is below all of these.
INPUT, EMBEDDING, RECURRENT = 1 << 16, 1 << 17, 1 << 18


class Outputs(NamedTuple):
    """What the highest layer gives over a piece of text, and the state after.

    Attributes:
        raw: its outputs before dropout, (T, B, H); None unless temporal activation regularisation asks for them.
        blocks: its outputs after dropout, which the head reads, in blocks of time, each (t, B, H).
        state: of all layers.
    """

    raw: Any
    blocks: list[Any]
    state: State

    @property
    def dropped(self) -> Any:
        """The outputs after dropout, (T, B, H)."""
        return tf.concat(self.blocks, 0)


class Network(keras.Model):
    """One-hot or embedded symbols, a stack of LSTM layers, a softmax head.

    Args:
        config: the network.
        precision: of the matrix products and their results; states and weights are float32 in either case.
    """

    def __init__(self, config: ModelConfig, precision: Precision = "float32") -> None:
        super().__init__(name="network")
        self.config = config
        self.precision = precision
        self.embedding = Embedding(config.embedding) if config.embedding else None
        # On a GPU Keras runs the layers, which takes what they multiply from their dtype.
        gpus = tf.config.list_physical_devices("GPU")
        dtype = "mixed_bfloat16" if gpus and precision == "bfloat16" else "float32"
        returned = {"return_sequences": True, "return_state": True}
        self.lstms = [
            LSTM(units, precision=precision, dtype=dtype, name=f"lstm_{layer}", **returned)
            for layer, units in enumerate(config.units)
        ]
        head = TiedHead if config.tie_weights else keras.layers.Dense
        self.head = head(config.vocabulary_size, name="head")
        self.build((None, None))
        # Keras and the model directory list a layer's weights in the same order.
        variables = [variable.value for layer in self._parts() for variable in layer.weights]
        self.variables_by_name = dict(zip(weight_shapes(config), variables, strict=True))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights of all layers, for ids of any shape (T, B)."""
        inputs = self.config.vocabulary_size
        if self.embedding is not None:
            self.embedding.build((*input_shape, inputs))
            inputs = self.config.embedding
        for lstm, units in zip(self.lstms, self.config.units, strict=True):
            lstm.build((*input_shape, inputs))
            inputs = units
        self.head.build((*input_shape, inputs))
        self.built = True

    def call(
        self,
        inputs: Any,
        state: State,
        *,
        dropout_seed: Any | None = None,
        first_layer: int = 0,
        noise: RegularizerFields = NO_NOISE,
    ) -> tuple[Any, State]:
        """Read a piece of text and return the logits after each symbol and the state after the last.

        Returns:
            Logits (T, B, V) and the state; the arguments are those of `outputs`.
        """
        outputs = self.outputs(inputs, state, dropout_seed=dropout_seed, first_layer=first_layer, noise=noise)
        return tf.concat([self.logits(block) for block in outputs.blocks], 0), outputs.state

    def outputs(
        self,
        inputs: Any,
        state: State,
        *,
        dropout_seed: Any | None = None,
        first_layer: int = 0,
        noise: RegularizerFields = NO_NOISE,
        cores: int = 1,
    ) -> Outputs:
        """Read a piece of text up to below the head.

        Args:
            inputs: symbol ids (T, B), or, above the bottom, the outputs of the layer below (T, B, H).
            state: the state before, of all layers.
            dropout_seed: two integers, (2,), from which all that is dropped is drawn; None to drop nothing.
            first_layer: the lowest layer to run; the state of those below stays as it is.
            noise: what is dropped besides the layers' outputs, and how.
            cores: to keep at work on a CPU; see `lstm_kernel.lstm_stack`.
        """
        masks = self._dropout_masks(inputs, dropout_seed, max(0, first_layer - 1), is_locked=noise.locked_dropout)
        lstms = self.lstms[first_layer:]
        weights = stack_weights(lstms)
        if dropout_seed is not None and noise.weight_drop:
            weights = [
                with_dropped_weights(layer, noise.weight_drop, tf.random.fold_in(dropout_seed, RECURRENT + number))
                for number, layer in enumerate(weights, first_layer)
            ]
        if first_layer > 0:
            below = masks.pop(0)
            inputs = inputs if below is None else inputs * tf.transpose(below, (0, 2, 1))
        else:
            inputs, weights[0] = self._first_inputs(inputs, weights[0], dropout_seed, noise)
        raw = None
        if not noise.temporal_activation_regularization:
            blocks, new_state = self._stack(inputs, state[first_layer:], lstms, masks, weights, cores)
        else:
            # The kernel gives the outputs after the highest mask only.
            top = masks.pop() if lstms else None
            blocks, new_state = self._stack(inputs, state[first_layer:], lstms, [*masks, None], weights, cores)
            raw = tf.concat(blocks, 0)
            blocks = blocks if top is None else [raw * tf.transpose(top, (0, 2, 1))]
        return Outputs(raw, blocks, state[:first_layer] + new_state)

    def logits(self, outputs: Any, precision: Precision | None = None) -> Any:
        """Return the logits (T, B, V) that the head makes of outputs (T, B, H).

        Args:
            outputs: of the highest layer, after dropout.
            precision: of the product; None for the network's own.
        """
        dtype = tf.as_dtype(precision or self.precision)
        kernel = self.head.kernel if self.embedding is None or not self.config.tie_weights else self.embedding.columns()
        products = tf.tensordot(tf.cast(outputs, dtype), tf.cast(kernel, dtype), 1)
        return tf.cast(products, tf.float32) + self.head.bias

    def lower(self, ids: Any, state: State, layers: int) -> tuple[Any, State]:
        """Return the outputs (T, B, H) of the lowest `layers` layers, without dropout, and the state after."""
        weights = stack_weights(self.lstms[:layers])
        inputs, weights[0] = self._first_inputs(ids, weights[0], None, NO_NOISE)
        blocks, new_state = self._stack(inputs, state[:layers], self.lstms[:layers], [None] * layers, weights)
        return tf.concat(blocks, 0), new_state + state[layers:]

    def zero_state(self, batch_size: int) -> State:
        """Return the state at the beginning of a text."""
        zeros = [np.zeros((batch_size, units), np.float32) for units in self.config.units]
        return self.state_of((zero, zero) for zero in zeros)

    @staticmethod
    def state_of(arrays: Iterable[tuple[Array, Array]]) -> State:
        """Return a state from the arrays of each layer, hidden values and cell, each (B, H)."""
        return [(tf.constant(hidden), tf.constant(cell)) for hidden, cell in arrays]

    def assign(self, weights: Weights) -> None:
        """Set all weights from named arrays."""
        for name, variable in self.variables_by_name.items():
            variable.assign(weights[name])

    def to_arrays(self) -> dict[str, Array]:
        """Return a copy of all weights as named arrays."""
        return {name: variable.numpy() for name, variable in self.variables_by_name.items()}

    def _parts(self) -> list[Any]:
        """Return the layers that have weights, from the bottom."""
        return [*([] if self.embedding is None else [self.embedding]), *self.lstms, self.head]

    def _first_inputs(
        self, ids: Any, weights: LayerWeights, seed: Any | None, noise: RegularizerFields
    ) -> tuple[Any, LayerWeights]:
        """Return what the lowest layer reads, ids (T, B) or embedded ids (T, B, E), and its weights."""
        drops_symbols = seed is not None and noise.embedding_dropout > 0
        symbol_seed = tf.random.fold_in(seed, EMBEDDING) if drops_symbols else None
        if self.embedding is None:
            # A row of the lowest kernel is what embeds a one-hot symbol.
            if drops_symbols:
                kernel = with_dropped_rows(weights.kernel, noise.embedding_dropout, symbol_seed)
                weights = weights._replace(kernel=kernel)
            return ids, weights
        table = self.embedding.rows()
        if drops_symbols:
            table = with_dropped_rows(table, noise.embedding_dropout, symbol_seed)
        inputs = tf.gather(table, ids)
        if seed is not None and noise.input_dropout:
            steps, batch = tf.unstack(tf.shape(ids))
            shape = (1 if noise.locked_dropout else steps, batch, self.config.embedding)
            inputs *= dropout_mask(shape, noise.input_dropout, tf.random.fold_in(seed, INPUT))
        return inputs, weights

    def _stack(
        self,
        inputs: Any,
        state: State,
        lstms: list[LSTM],
        masks: list[Any | None],
        weights: list[LayerWeights],
        cores: int = 1,
    ) -> tuple[list[Any], State]:
        """Run some layers on top of each other: outputs in blocks of time, each (t, B, H), and their state."""
        if not lstms:
            return [inputs], []
        gpus = len(tf.config.list_physical_devices("GPU"))
        if not use_own_kernel(lstms[0], inputs.shape[0], gpus=gpus):
            return self._layer_by_layer(inputs, state, lstms, masks, weights)
        states = [LayerState(*layer) for layer in state]
        blocks, new_states = lstm_stack(inputs, states, weights, masks=masks, precision=self.precision, cores=cores)
        return blocks, [(layer.h, layer.c) for layer in new_states]

    def _layer_by_layer(
        self, inputs: Any, state: State, lstms: list[LSTM], masks: list[Any | None], weights: list[LayerWeights]
    ) -> tuple[list[Any], State]:
        """Run Keras's own layers one after the other: on a GPU, and over sequences too long to unroll."""
        if inputs.dtype.is_integer:
            inputs = tf.one_hot(inputs, self.config.vocabulary_size)
        outputs = tf.transpose(inputs, (1, 0, 2))
        new_state = []
        for lstm, before, mask, layer in zip(lstms, state, masks, weights, strict=True):
            # Of a layer in bfloat16, so are its outputs.
            outputs, hidden, cell = (tf.cast(part, tf.float32) for part in run_with(lstm, layer, outputs, before))
            new_state.append((hidden, cell))
            if mask is not None:
                outputs *= tf.transpose(mask, (2, 0, 1))
        return [tf.transpose(outputs, (1, 0, 2))], new_state

    def _dropout_masks(
        self, inputs: Any, seed: Any | None, first: int = 0, *, is_locked: bool = False
    ) -> list[Any | None]:
        """Return what the outputs of each layer from `first` up are multiplied by, (T, H, B), or locked (1, H, B)."""
        steps, batch = tf.unstack(tf.shape(inputs)[:2])
        return [
            None
            if seed is None or self.config.dropout[layer] == 0
            else dropout_mask(
                (1 if is_locked else steps, self.config.units[layer], batch),
                self.config.dropout[layer],
                tf.random.fold_in(seed, layer),
            )
            for layer in range(first, self.config.layers)
        ]
