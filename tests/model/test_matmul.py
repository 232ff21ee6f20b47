from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from charlstm.model import matmul as products
from charlstm.model.matmul import matmul, matmul_by_transposed, sum_by_transposed


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


def summed(rows, columns, lengths, dtype="float32"):
    """The error of a sum of products, beside its largest number, and how many products it takes."""
    rng = np.random.default_rng(rows)
    lefts, rights = ([rng.normal(size=(size, length)) for length in lengths] for size in (rows, columns))
    operands = [[tf.cast(array, dtype) for array in arrays] for arrays in (lefts, rights)]
    graph = tf.function(sum_by_transposed, autograph=False).get_concrete_function(*operands)
    result = graph(*operands)
    assert result.dtype == tf.float32
    expected = sum(left @ right.T for left, right in zip(lefts, rights, strict=True))
    nodes = [node for node in graph.graph.get_operations() if "MatMul" in node.type]
    return np.abs(result - expected).max() / np.abs(expected).max(), len(nodes)


@pytest.mark.parametrize(
    ("rows", "columns", "lengths", "count"),
    [
        (8, 6, [4], 1),
        (8, 6, [4, 4], 7),
        (8, 6, [4, 4, 4], 8),
        (8, 6, [4, 4, 4, 4], 14),
        (8, 6, [4, 4, 4, 3], 9),
        (8, 6, [5, 4], 2),
        (8, 6, [3, 3], 2),
        (8, 7, [4, 4], 2),
        (9, 6, [4, 4], 2),
        (6, 6, [4, 4], 2),
        (8, 4, [4, 4], 2),
    ],
)
def test_two_large_products_of_a_sum_are_seven_of_halves(rows, columns, lengths, count, monkeypatch):
    for name, least in (("LEAST_ROWS", 7), ("LEAST_COLUMNS", 5), ("LEAST_LENGTH", 4)):
        monkeypatch.setattr(products, name, least)
    error, taken = summed(rows, columns, lengths)
    assert taken == count
    assert error < 1e-6
    assert summed(rows, columns, lengths, "bfloat16")[1] == len(lengths)


def test_a_sum_of_sevens_rounds_little_at_its_size():
    error, taken = summed(products.LEAST_ROWS, products.LEAST_COLUMNS, [products.LEAST_LENGTH] * 2)
    assert taken == 7
    assert error < 3e-6


def test_a_sum_of_products_whose_length_is_not_known():
    specs = [[tf.TensorSpec((2048, None))] * 2, [tf.TensorSpec((512, None))] * 2]
    graph = tf.function(sum_by_transposed, input_signature=specs, autograph=False)
    result = graph([tf.ones((2048, 3))] * 2, [tf.ones((512, 3))] * 2)
    np.testing.assert_array_equal(result, np.full((2048, 512), 6.0))
