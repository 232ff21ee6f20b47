"""Matrix products on a CPU, each by the faster of TensorFlow's two ways.

It hands a product of float32 matrices to oneDNN's older kernels (sgemm), and products in batches to its newer ones
(brgemm), and takes two matrices for a batch as well.  On one core of a Zen 4, of 117 GFLOP/s at most, the products of
the steps of 128, 256, 512 units ran at 99, 99, 98 the older way and 103, 106, 105 the newer one with batches of 64; of
32, at 106, 107, 106 and 98, 96, 103.  Training steps with batches of 64 ran at 1.00 (2 x 128), 1.03 (3 x 256), 1.06
(3 x 512) of the speed.  Kept to AVX2, the ways differed by 3 % at most.  Products of bfloat16 take the newer anyway.

Sums of large float32 products are computed with seven multiplications of halves in place of eight.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

# Where sgemm, which takes 48 columns at a time, is left with 16.
NEW_COLUMNS = 64
# Up to so many columns of a product by a transposed matrix.  2,048 rows by 640: 106 against 99 GFLOP/s with 512,
# 108 against 110 with 1,024; 512 rows: 94 against 89 with 256.
MOST_NEW_TRANSPOSED_COLUMNS = 512
# From these sizes on, seven products pay: training steps ran at 1.02 of the speed (3 x 512, 64 x 100; 2 x 512, 32 x
# 100), 3 x 512 kept to AVX2 at 1.03.  Below, they would give 1.01 to 1.05 (3 x 256, 64 x 100), 0.99 to 1.01 (32 x 100),
# 0.99 to 1.00 (2 x 128, 64 x 50).
LEAST_ROWS, LEAST_COLUMNS, LEAST_LENGTH = 2048, 512, 320


def matmul(left: Any, right: Any) -> Any:
    """Return left (M, K) @ right (K, N), both of one dtype."""
    if left.dtype == tf.float32 and right.shape[1] == NEW_COLUMNS:
        return tf.raw_ops.BatchMatMulV2(x=left, y=right)
    return tf.matmul(left, right)


def matmul_by_transposed(left: Any, right: Any) -> Any:
    """Return left (M, K) @ the transposed of right (N, K), both of one dtype."""
    if left.dtype == tf.float32 and right.shape[0] <= MOST_NEW_TRANSPOSED_COLUMNS:
        return tf.raw_ops.BatchMatMulV2(x=left, y=right, adj_y=True)
    return tf.matmul(left, right, transpose_b=True)


def sum_by_transposed(lefts: Sequence[Any], rights: Sequence[Any]) -> Any:
    """Return the sum of left (M, N) @ the transposed of right (K, N) over pairs of one dtype, in float32.

    Where they are large float32 matrices, two pairs of one shape are one product of matrices of 2 x 2 blocks, computed
    by seven products of blocks in place of eight.  What that rounds is some three times as much: of normal numbers,
    10 x 640 products each, 1.0e-6 of the sum in place of 3.3e-7.  A row that is far smaller than others is rounded
    by their size: of 2,048 rows multiplied by e ** (3 n), n normal, the worst was off by 2e-3 of itself.

    Source: Strassen, Gaussian Elimination is not Optimal, 1969, in Winograd's form of 15 sums: Higham, Accuracy and
    Stability of Numerical Algorithms, 2002, chapter 23.
    """
    pairs = list(zip(lefts, rights, strict=True))
    sevens = []
    while len(pairs) > 1 and _pay_in_sevens(*pairs[0]) and pairs[0][0].shape == pairs[1][0].shape:
        sevens.append(_seven_products(*pairs.pop(0), *pairs.pop(0)))
    sums = [_sum_of_sevens(*map(tf.add_n, zip(*sevens, strict=True)))] if sevens else []
    return tf.add_n(sums + [tf.cast(matmul_by_transposed(left, right), tf.float32) for left, right in pairs])


def _pay_in_sevens(left: Any, right: Any) -> bool:
    (rows, length), columns = left.shape, right.shape[0]
    if length is None or left.dtype != tf.float32 or rows % 2 or columns % 2:
        return False
    return bool(rows >= LEAST_ROWS and columns >= LEAST_COLUMNS and length >= LEAST_LENGTH)


def _seven_products(left_1: Any, right_1: Any, left_2: Any, right_2: Any) -> list[Any]:
    """Return what the four blocks of left_1 @ right_1' + left_2 @ right_2' are sums of."""
    (a_11, a_21), (b_11, b_12) = tf.split(left_1, 2), tf.split(right_1, 2)
    (a_12, a_22), (b_21, b_22) = tf.split(left_2, 2), tf.split(right_2, 2)
    s_1 = a_21 + a_22
    s_2 = s_1 - a_11
    t_1 = b_12 - b_11
    t_2 = b_22 - t_1
    factors = [
        *((a_11, b_11), (a_12, b_21), (a_12 - s_2, b_22), (a_22, t_2 - b_21)),
        *((s_1, t_1), (s_2, t_2), (a_11 - a_21, b_22 - b_12)),
    ]
    return [matmul_by_transposed(left, right) for left, right in factors]


def _sum_of_sevens(p_1: Any, p_2: Any, p_3: Any, p_4: Any, p_5: Any, p_6: Any, p_7: Any) -> Any:
    """Return the matrix whose blocks are sums of these."""
    u_2 = p_1 + p_6
    u_3 = u_2 + p_7
    top, bottom = [p_1 + p_2, u_2 + p_5 + p_3], [u_3 - p_4, u_3 + p_5]
    return tf.concat([tf.concat(top, 1), tf.concat(bottom, 1)], 0)
