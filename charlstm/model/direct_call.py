"""A compiled graph, called as one operation of TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from charlstm.model.runtime import IDLE_OPTIMIZERS


def direct_call(graph: Any) -> Callable[..., Any]:
    """Return what calls a concrete function with less ado than the function itself.

    It saves some 0.15 ms, in which one core works at most: training steps ran at 1.005 of the speed (2 x 128, 64 x 50),
    1.014 (3 x 64), 1.026 (2 x 64, 32 x 50), 1.03 (1 x 128, 32 x 25).  That it takes NumPy arrays as they are, where
    `tf.constant` runs an operation for each, and knows of no structures, saves another 0.2 ms: 1.01 (2 x 128), 1.04
    (2 x 64), 1.05 (1 x 128).  Evaluations of 64 x 50 symbols ran at 1.14 of the speed (3 x 64), 1.11 (2 x 128), 1.08
    (3 x 256), 1.04 (3 x 512), all in bfloat16.

    Args:
        graph: of positional arguments, tensors or None, and with a flat list of results.
    """
    # With a GPU, the operation might be placed there, and its arguments be elsewhere.
    if tf.config.list_physical_devices("GPU"):
        return graph  # type: ignore[no-any-return]
    captured, types, options = graph.captured_inputs, [output.dtype for output in graph.outputs], _options()

    def call(*arguments: Any) -> Any:
        given = [argument for argument in arguments if argument is not None]
        # Left to choose an executor, TensorFlow runs a graph that decides nothing on one core: an evaluation of 3 x 512
        # took twice as long.
        return tf.raw_ops.StatefulPartitionedCall(
            args=given + captured, Tout=types, f=graph, config_proto=options, executor_type="DEFAULT"
        )

    return call


def _options() -> bytes:
    """Return how TensorFlow is to compile a graph: as `start_tensorflow` has it, but in one round of optimizers.

    A second one takes its time and finds next to nothing: without it the first training step of 3 x 512, 64 x 100, took
    4.5 s in place of 5.1 (bfloat16), and later ones as long as before.
    """
    options = tf.compat.v1.ConfigProto(allow_soft_placement=True)
    optimizers = options.graph_options.rewrite_options
    optimizers.meta_optimizer_iterations = optimizers.ONE
    for name in IDLE_OPTIMIZERS:
        setattr(optimizers, name, optimizers.OFF)
    return bytes(options.SerializeToString())
