"""The limit of the hardware as a contender: the work of a network, each product multiplied out, and nothing else."""

from __future__ import annotations

from typing import Any

from charlstm.benchmark.contenders import Shape, Step
from charlstm.benchmark.products import Product, sampling_products, sampling_weights, training_products
from charlstm.config import Precision


def training(shape: Shape, precision: Precision) -> Step:
    """Return the matrix products of a training step."""
    return _multiply(training_products(shape), precision, shape.chars)


def sampling(shape: Shape, precision: Precision) -> Step:
    """Return the matrix products of writing B texts of T characters."""
    return _multiply(sampling_products(shape), precision, shape.chars)


def reading_on_one_core(shape: Shape, precision: Precision) -> Step:  # noqa: ARG001 - as sampling: float32
    """Return T times reading all weights once, as one text needs them for T characters."""
    return _read(shape, cores=1)


def reading_on_all_cores(shape: Shape, precision: Precision) -> Step:  # noqa: ARG001 - as sampling: float32
    """Return T times reading all weights once, each core its part, the cores not waiting for each other."""
    from charlstm.model.runtime import cores

    return _read(shape, cores())


def split(product: Product, parts: int) -> list[Product]:
    """Return a single product cut along the longer side of its result, so that each core has a part of it."""
    if product.count > 1 or parts == 1:
        return [product]
    side = max(product.rows, product.columns)
    sizes = [side * (part + 1) // parts - side * part // parts for part in range(parts)]
    if side == product.rows:
        return [Product(size, product.inner, product.columns) for size in sizes if size]
    return [Product(product.rows, product.inner, size) for size in sizes if size]


def _multiply(products: list[Product], precision: Precision, chars: int) -> Step:
    """Return all products, none waiting for another, one thread to a product and as many at once as there are cores."""
    from charlstm.model.runtime import cores, keep_products_on_a_core, start_tensorflow

    keep_products_on_a_core()  # For what is read in the same process, since TensorFlow imports NumPy.
    start_tensorflow()
    import tensorflow as tf

    from charlstm.model.matmul import matmul

    # The optimizer would take away what nobody reads.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    dtype = tf.as_dtype(precision)

    def matrix(rows: int, columns: int) -> Any:
        return tf.cast(tf.random.stateless_normal((rows, columns), seed=(rows, columns)), dtype)

    operands = []
    for product in products:
        for part in split(product, cores()):
            left = matrix(part.rows, part.inner)
            # Other right sides each time: equal products would be computed once.
            operands += [(left, matrix(part.inner, part.columns)) for _ in range(part.count)]

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def compiled() -> Any:
        done = [matmul(left, right).op for left, right in operands]
        with tf.control_dependencies(done):
            return tf.constant(0)

    def step() -> int:
        int(compiled())
        return chars

    return step


def _read(shape: Shape, cores: int) -> Step:
    from charlstm.model.runtime import keep_products_on_a_core

    keep_products_on_a_core()
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    # The product of two halves reads every number once, in the two longest possible streams.
    parts = np.array_split(np.ones(sampling_weights(shape), np.float32), cores)
    halves = [(part[: len(part) // 2], part[len(part) // 2 : len(part) // 2 * 2]) for part in parts]

    def read(pair: tuple[Any, Any]) -> None:
        for _ in range(shape.sequence_length):
            np.dot(*pair)

    read_each = map if cores == 1 else ThreadPoolExecutor(cores).map

    def step() -> int:
        list(read_each(read, halves))
        return shape.chars

    return step
