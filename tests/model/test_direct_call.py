"""Graphs called as an operation."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from charlstm.model.direct_call import direct_call
from charlstm.model.runtime import IDLE_OPTIMIZERS


def graph_of(function: Any, *arguments: Any) -> Any:
    return tf.function(function, autograph=False).get_concrete_function(*arguments)


def test_a_call_takes_and_gives_what_the_graph_does() -> None:
    total = tf.Variable(1.0)

    def add(amount: Any, missing: Any, matrix: Any) -> Any:
        total.assign_add(amount)
        return [total + 30, matrix[0] - matrix[1], tf.constant(missing is None)]

    # Of a turned NumPy array as well.
    arguments = (tf.constant(2.0), None, np.array([[4, 1], [6, 2]], np.int32).T)
    call = direct_call(graph_of(add, *arguments))
    call(*arguments)
    sums, differences, was_missing = call(*arguments)
    assert float(total) == 5
    assert float(sums) == 35
    assert differences.numpy().tolist() == [3, 4]
    assert was_missing


def test_an_error_in_the_graph_is_raised() -> None:
    def checked(number: Any) -> Any:
        with tf.control_dependencies([tf.debugging.assert_positive(number)]):
            return [tf.identity(number)]

    call = direct_call(graph_of(checked, tf.constant(1)))
    assert int(*call(tf.constant(2))) == 2
    with pytest.raises(tf.errors.InvalidArgumentError):
        call(tf.constant(-1))


def test_it_is_compiled_as_other_graphs_are_but_once(monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    operation = tf.raw_ops.StatefulPartitionedCall

    def seen(**arguments: Any) -> Any:
        given.append(arguments["config_proto"])
        return operation(**arguments)

    monkeypatch.setattr(tf.raw_ops, "StatefulPartitionedCall", seen)
    assert int(*direct_call(graph_of(lambda x: [x + 1], tf.constant(1)))(tf.constant(1))) == 2
    optimizers = tf.compat.v1.ConfigProto.FromString(*given).graph_options.rewrite_options
    assert {getattr(optimizers, name) for name in IDLE_OPTIMIZERS} == {optimizers.OFF}
    assert optimizers.meta_optimizer_iterations == optimizers.ONE
    assert not optimizers.disable_meta_optimizer


@pytest.mark.skipif(tf.config.threading.get_inter_op_parallelism_threads() < 2, reason="one core")
def test_operations_run_beside_each_other() -> None:
    both = threading.Barrier(2, timeout=20)

    def wait(number: Any) -> Any:
        both.wait()
        return number

    def meet(number: Any) -> Any:
        return [tf.numpy_function(wait, [number + more], tf.int32, stateful=False) for more in (1, 2)]

    assert [int(result) for result in direct_call(graph_of(meet, tf.constant(1)))(tf.constant(1))] == [2, 3]


def test_with_a_gpu_the_graph_is_called_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(lambda x: [x + 1], tf.constant(1))
    assert direct_call(graph) is not graph
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"{kind}:0"])
    assert direct_call(graph) is graph
