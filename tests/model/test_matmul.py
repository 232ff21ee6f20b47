from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from charlstm.model.matmul import matmul, matmul_by_transposed


@pytest.mark.parametrize(
    ("function", "columns", "dtype", "way"),
    [
        (matmul, 64, "float32", "BatchMatMulV2"),
        (matmul, 32, "float32", "MatMul"),
        (matmul, 128, "float32", "MatMul"),
        (matmul, 64, "bfloat16", "MatMul"),
        (matmul_by_transposed, 3, "float32", "BatchMatMulV2"),
        (matmul_by_transposed, 512, "float32", "BatchMatMulV2"),
        (matmul_by_transposed, 513, "float32", "MatMul"),
        (matmul_by_transposed, 3, "bfloat16", "MatMul"),
    ],
)
def test_each_product_goes_its_way_and_comes_to_the_same(function, columns, dtype, way):
    rng = np.random.default_rng(columns)
    left, right = rng.normal(size=(6, 5)), rng.normal(size=(5, columns))
    operands = [tf.cast(left, dtype), tf.cast(right if function is matmul else right.T, dtype)]
    graph = tf.function(function, autograph=False).get_concrete_function(*operands)
    product = graph(*operands)
    assert product.dtype == dtype
    np.testing.assert_allclose(tf.cast(product, tf.float32), left @ right, atol=1e-5 if dtype == "float32" else 0.05)
    assert {node.type for node in graph.graph.get_operations() if "MatMul" in node.type} == {way}


def test_columns_that_are_not_known():
    function = tf.function(matmul, input_signature=[tf.TensorSpec((2, 3)), tf.TensorSpec((3, None))], autograph=False)
    np.testing.assert_array_equal(function(tf.ones((2, 3)), tf.ones((3, 64))), np.full((2, 64), 3.0))
