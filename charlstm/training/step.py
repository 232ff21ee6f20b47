"""Compiled training steps, several to a call where they are small, and one compiled evaluation step."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from charlstm.config import Precision, TrainingConfig
from charlstm.method_config import RegularizerFields
from charlstm.model.activation_regularization import activation_penalty
from charlstm.model.direct_call import direct_call
from charlstm.model.network import Network, Outputs, State
from charlstm.training.layer_groups import clip_norms, group_of, rate_factors
from charlstm.training.optimizers import Optimizer, clip_by_global_norm, clip_by_group_norms

# What of a training's options is compiled into its step.
COMPILED_OPTIONS = (
    *("optimizer", "clip_norm", "layer_rates", "layer_rate_decay", "weight_decay", "rmsprop_decay"),
    *("batch_size", "sequence_length", "batching", "cores"),
    *(field.name for field in dataclasses.fields(RegularizerFields)),
)

# From so many symbols on, a text is scored some steps of all streams at a time: so few that their logits take little
# memory, so many that reading the head's kernel for them pays.
MANY_SYMBOLS, PART_STEPS = 2048, 5

# A call makes at most so many steps, and so many that weights times symbols come to this: a tenth of a second or two.
# Eight to a call made training 1.03 to 1.05 times as fast as one (2 x 128, 64 x 50, bfloat16), 1.08 to 1.10 (2 x 64,
# 32 x 50), 1.14 to 1.20 (1 x 128, 32 x 25); two 1.015 (2 x 256, 64 x 50), and 1.00 (3 x 512, 64 x 100).
MOST_STEPS, WORK_OF_CALL = 8, 8e9


class StepInputs(NamedTuple):
    """What one training step is made of.

    Attributes:
        inputs: symbol ids (B, T), or outputs of the layer below the first one (B, T, H).
        targets: the symbols after them (B, T).
        step: the number of the step, for the dropout masks.
        learning_rate: of its update.
        update: the number of its update, counted from 1.
        scored: which targets the loss is the mean over, (B, T), at least one; None for all.
        newest: the share of the new weights in their average, where the optimizer keeps one.
    """

    inputs: NDArray[np.int32] | NDArray[np.float32]
    targets: NDArray[np.int32]
    step: int
    learning_rate: float
    update: int
    scored: NDArray[np.bool_] | None = None
    newest: float = 1.0


@dataclass(frozen=True)
class StepsResult:
    """What the training steps of a call gave.

    Attributes:
        nats_per_char: the mean loss of each step whose update was made, dropout on.  Fewer than were asked for: the
            loss or gradient of the next one was not finite, so it was skipped, and none after it was made.
        state: the LSTM state to go on from.
    """

    nats_per_char: list[float]
    state: State


class TrainingStep:
    """Steps of truncated backpropagation through time, compiled once.

    Several are made in one call where they are small: between two calls one core waits for the other, and for Python.

    Args:
        network: the network.
        config: optimizer, clip norm, random seed, what is dropped, and the cores to keep at work.
        trained: names of the weights to update.
        masks: name -> array that multiplies the gradient, for weights that are trained in part.
        first_layer: the lowest layer to run; the inputs are the outputs of the layer below it.

    Attributes:
        optimizer: what updates the weights.
        steps_per_call: the most steps to ask for at once.
    """

    def __init__(
        self,
        network: Network,
        config: TrainingConfig,
        trained: list[str],
        masks: Mapping[str, NDArray[np.float32]],
        first_layer: int = 0,
    ) -> None:
        self._network = network
        self._first_layer = first_layer
        self._config = config
        self._random_seed = config.random_seed
        self._masks = {name: tf.constant(mask) for name, mask in masks.items()}
        self._variables = {name: network.variables_by_name[name] for name in trained}
        factors = rate_factors(network.config, config)
        self.optimizer = Optimizer(
            config.optimizer,
            self._variables,
            factors={name: factors[group_of(name)] for name in trained},
            weight_decay=config.weight_decay,
            masks=self._masks,
            rmsprop_decay=config.rmsprop_decay,
        )
        work = network.config.parameters * config.batch_size * config.sequence_length
        self.steps_per_call = int(max(1, min(MOST_STEPS, WORK_OF_CALL // work)))
        self._compiled = tf.function(self._steps if self.steps_per_call > 1 else self._one_step, autograph=False)
        self._calls: dict[object, Callable[..., Any]] = {}

    def begin(self, random_seed: int) -> None:
        """Become what a new step of this random seed is, for another run."""
        self._random_seed = random_seed
        for slot in self.optimizer.slots.values():
            slot.assign(tf.zeros_like(slot))

    def __call__(self, asked: Sequence[StepInputs], state: State) -> StepsResult:
        """Make some steps, at most `steps_per_call`.

        Args:
            asked: what they are made of, all of one shape.
            state: the LSTM state before.
        """
        assert len(asked) <= self.steps_per_call
        first = asked[0]
        arrays = (
            np.stack([step.inputs.swapaxes(0, 1) for step in asked]),
            np.stack([step.targets.T for step in asked]),
            np.array([[self._random_seed & 0x7FFFFFFF, step.step, step.update] for step in asked]),
            np.array([[step.learning_rate, step.newest] for step in asked], np.float32),
            None if first.scored is None else np.stack([step.scored.T for step in asked if step.scored is not None]),
        )
        kind = (first.inputs.shape, first.scored is None)
        if kind not in self._calls:
            # One graph for every number of steps.
            specs = [
                None if array is None else tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in arrays
            ]
            self._calls[kind] = direct_call(self._compiled.get_concrete_function(*specs, *_flat(state)))
        losses, made, *new_state = self._calls[kind](*arrays, *_flat(state))
        return StepsResult(losses.numpy()[: int(made)].tolist(), _in_pairs(new_state))

    def _one_step(self, inputs: Any, targets: Any, integers: Any, numbers: Any, scored: Any, *state: Any) -> Any:
        """Make one step; as `_steps`, which takes longer to compile (3 x 512, 64 x 100: 4.3 s in place of 3.5)."""
        loss, is_applied, state = self._step(*_at(0, inputs, targets, integers, numbers, scored), *state)
        return [loss[None], tf.cast(is_applied, tf.int32), *state]

    def _steps(self, inputs: Any, targets: Any, integers: Any, numbers: Any, scored: Any, *state: Any) -> Any:
        """Make N steps, or until one is not applied: losses (N,), how many were applied, and the state after them."""
        count = tf.shape(targets)[0]

        def make(number: Any, _: Any, losses: Any, *state: Any) -> Any:
            loss, is_applied, state = self._step(*_at(number, inputs, targets, integers, numbers, scored), *state)
            return number + 1, is_applied, losses.write(number, loss), *state

        number, is_applied, losses, *state = tf.while_loop(
            lambda number, is_applied, *_: is_applied & (number < count),
            make,
            (0, True, tf.TensorArray(tf.float32, count, element_shape=()), *state),
            parallel_iterations=1,
        )
        return [losses.stack(), number - tf.cast(~is_applied, tf.int32), *state]

    def _step(self, inputs: Any, targets: Any, integers: Any, numbers: Any, scored: Any, *state: Any) -> Any:
        """Make one step: its loss, whether its update was made, and the state after it, or before if it was not."""
        seed, update_number = tf.cast(integers[:2], tf.int32), integers[2]
        rate, newest = numbers[0], numbers[1]
        variables = list(self._variables.values())
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            outputs = self._network.outputs(
                inputs,
                _in_pairs(state),
                dropout_seed=seed,
                first_layer=self._first_layer,
                noise=self._config,
                cores=self._config.cores,
            )
            pairs = _by_block(outputs, targets)
            nats = tf.concat([_cross_entropy(self._network.logits(block), after) for block, after in pairs], 0)
            loss = tf.reduce_mean(nats) if scored is None else _mean_where(scored, nats)
            # What is told is the loss alone, which compares.
            penalty = activation_penalty(outputs, scored, self._config)
            penalized = loss if penalty is None else loss + penalty
        gradients = tape.gradient(penalized, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        for position, name in enumerate(self._variables):
            if name in self._masks:
                gradients[position] *= self._masks[name]
        gradients, norm = self._clipped(gradients)
        finite = tf.math.is_finite(loss) & tf.math.is_finite(norm)

        def update() -> Any:
            self.optimizer.apply(gradients, rate, update_number, newest)
            return [tf.constant(True), *_flat(outputs.state)]

        is_applied, *new_state = tf.cond(finite, update, lambda: [tf.constant(False), *state])
        return loss, is_applied, new_state

    def _clipped(self, gradients: list[Any]) -> tuple[list[Any], Any]:
        norm = self._config.clip_norm
        if not isinstance(norm, tuple):
            return clip_by_global_norm(gradients, norm)
        groups = [group_of(name) for name in self._variables]
        return clip_by_group_norms(gradients, groups, clip_norms(self._network.config, norm))


class EvaluationStep:
    """Loss and hits of each symbol in a piece of text, compiled once, without dropout.

    Args:
        network: the network.
        steps: the symbols T of a piece.
        head_precision: of the head's product; None for that of the network.
    """

    def __init__(self, network: Network, steps: int, head_precision: Precision | None = None) -> None:
        self._network = network
        self._steps = steps
        self._head_precision = head_precision
        ids = tf.TensorSpec((steps, None), tf.int32)
        state = [tf.TensorSpec((None, units), tf.float32) for units in network.config.units for _ in ("h", "c")]
        # One graph for all batch sizes.
        self._compiled = tf.function(self._step, input_signature=(ids, ids, *state), autograph=False)

    def __call__(
        self, inputs: NDArray[np.int32], targets: NDArray[np.int32], state: State
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_], State]:
        """Return for each target (B, T) its nats and whether it was the likeliest guess, and the state after."""
        nats, hits, *new_state = self._call(inputs.T, targets.T, *_flat(state))
        return nats.numpy().T, hits.numpy().T, _in_pairs(new_state)

    @functools.cached_property
    def _call(self) -> Callable[..., Any]:
        return direct_call(self._compiled.get_concrete_function())

    def _step(self, inputs: Any, targets: Any, *state: Any) -> Any:
        outputs = self._network.outputs(inputs, _in_pairs(state))
        if self._network.config.vocabulary_size < MANY_SYMBOLS:
            judged = [self._judged(block, after) for block, after in _by_block(outputs, targets)]
            nats, hits = [tf.concat(parts, 0) for parts in zip(*judged, strict=True)]
            return [nats, hits, *_flat(outputs.state)]
        # Some places after the others: the logits of a whole piece would be gigabytes.
        steps, streams = tf.unstack(tf.shape(targets))
        parts = [PART_STEPS if self._steps % PART_STEPS == 0 else 1, streams]
        nats, hits = tf.map_fn(
            lambda part: self._judged(*part),
            (tf.reshape(outputs.dropped, [-1, *parts, outputs.dropped.shape[-1]]), tf.reshape(targets, [-1, *parts])),
            fn_output_signature=(tf.float32, tf.bool),
            parallel_iterations=1,
        )
        return [tf.reshape(nats, [steps, streams]), tf.reshape(hits, [steps, streams]), *_flat(outputs.state)]

    def _judged(self, outputs: Any, targets: Any) -> tuple[Any, Any]:
        """Return the nats of targets (...), and whether each was the likeliest guess, from outputs (..., H)."""
        logits = self._network.logits(outputs, self._head_precision)
        hits = tf.argmax(logits, axis=-1, output_type=tf.int32) == targets
        return _cross_entropy(logits, targets), hits


def _by_block(outputs: Outputs, targets: Any) -> list[tuple[Any, Any]]:
    """Return each block of outputs (t, B, H) with its targets (t, B): a head a block runs beside the layers."""
    if len(outputs.blocks) == 1:
        return [(outputs.blocks[0], targets)]
    sizes = [block.shape[0] for block in outputs.blocks]
    return list(zip(outputs.blocks, tf.split(targets, sizes), strict=True))


def _at(number: Any, *arrays: Any) -> list[Any]:
    """Return what one step has of the arrays of all."""
    return [None if array is None else array[number] for array in arrays]


def _flat(state: State) -> list[Any]:
    return [array for layer in state for array in layer]


def _in_pairs(arrays: Sequence[Any]) -> State:
    return list(zip(arrays[::2], arrays[1::2], strict=True))


def _mean_where(scored: Any, nats: Any) -> Any:
    weights = tf.cast(scored, nats.dtype)
    return tf.reduce_sum(nats * weights) / tf.reduce_sum(weights)


def _cross_entropy(logits: Any, targets: Any) -> Any:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
