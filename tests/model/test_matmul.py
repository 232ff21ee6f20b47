from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from charlstm.model.matmul import matmul, matmul_by_transposed


def multiplied(function, rows, inner, columns, *, dtype="float32", transposed=False):
    """What one of the two functions gives of random matrices, what NumPy gives, and the operations that it took."""
    rng = np.random.default_rng(rows)
    left, right = rng.normal(size=(rows, inner)), rng.normal(size=(inner, columns))
    operands = [tf.cast(left, dtype), tf.cast(right.T if transposed else right, dtype)]
    graph = tf.function(function, autograph=False).get_concrete_function(*operands)
    return graph(*operands), left @ right, {node.type for node in graph.graph.get_operations() if "MatMul" in node.type}


@pytest.mark.parametrize(
    ("columns", "dtype", "way"),
    [
        (64, "float32", "BatchMatMulV2"),
        (32, "float32", "MatMul"),
        (128, "float32", "MatMul"),
        (64, "bfloat16", "MatMul"),
    ],
)
def test_product(columns, dtype, way):
    actual, expected, ways = multiplied(matmul, 6, 5, columns, dtype=dtype)
    assert actual.dtype == dtype
    np.testing.assert_allclose(tf.cast(actual, tf.float32), expected, atol=1e-5 if dtype == "float32" else 0.05)
    assert ways == {way}


@pytest.mark.parametrize(
    ("columns", "dtype", "way"),
    [
        (3, "float32", "BatchMatMulV2"),
        (512, "float32", "BatchMatMulV2"),
        (513, "float32", "MatMul"),
        (3, "bfloat16", "MatMul"),
    ],
)
def test_product_by_a_transposed_matrix(columns, dtype, way):
    actual, expected, ways = multiplied(matmul_by_transposed, 6, 5, columns, dtype=dtype, transposed=True)
    assert actual.dtype == dtype
    np.testing.assert_allclose(tf.cast(actual, tf.float32), expected, atol=1e-5 if dtype == "float32" else 0.05)
    assert ways == {way}


def test_columns_that_are_not_known():
    function = tf.function(matmul, input_signature=[tf.TensorSpec((2, 3)), tf.TensorSpec((3, None))], autograph=False)
    np.testing.assert_array_equal(function(tf.ones((2, 3)), tf.ones((3, 64))), np.full((2, 64), 3.0))
