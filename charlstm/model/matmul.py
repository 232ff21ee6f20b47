"""Matrix products on a CPU, each by the faster of TensorFlow's two ways.

It hands a product of float32 matrices to oneDNN's older kernels (sgemm), and products in batches to its newer ones
(brgemm), and takes two matrices for a batch as well.  On one core of a Zen 4, of 117 GFLOP/s at most, the products of
the steps of 128, 256, 512 units ran at 99, 99, 98 the older way and 103, 106, 105 the newer one with batches of 64; of
32, at 106, 107, 106 and 98, 96, 103.  Training steps with batches of 64 ran at 1.00 (2 x 128), 1.03 (3 x 256), 1.06
(3 x 512) of the speed.  Kept to AVX2, the ways differed by 3 % at most.  Products of bfloat16 take the newer anyway.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

# Where sgemm, which takes 48 columns at a time, is left with 16.
NEW_COLUMNS = 64
# Up to so many columns of a product by a transposed matrix.  2,048 rows by 640: 106 against 99 GFLOP/s with 512,
# 108 against 110 with 1,024; 512 rows: 94 against 89 with 256.
MOST_NEW_TRANSPOSED_COLUMNS = 512


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
