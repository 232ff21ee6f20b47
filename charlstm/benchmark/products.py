"""What a step must compute and read at least: its matrix products, and its weights."""

from __future__ import annotations

from dataclasses import dataclass

from charlstm.benchmark.contenders import SYMBOLS, Shape


@dataclass(frozen=True)
class Product:
    """A matrix product (rows, inner) @ (inner, columns), done `count` times in a step with the same left side."""

    rows: int
    inner: int
    columns: int
    count: int = 1

    @property
    def flops(self) -> int:
        """Multiplications and additions."""
        return 2 * self.rows * self.inner * self.columns * self.count


def training_products(shape: Shape) -> list[Product]:
    """Return the products of a training step, forward and backward.

    Only the recurrent products have to follow each other step by step; all others are taken over all steps at once.
    The one-hot input of the first layer is a row lookup, which is none.
    """
    units, gates, batch, chars = shape.units, 4 * shape.units, shape.batch_size, shape.chars
    products = []
    for layer in range(shape.layers):
        # Gates, the gradient of the state before, the gradient of the weights.
        products += [Product(gates, units, batch, shape.sequence_length)]
        products += [Product(units, gates, batch, shape.sequence_length)]
        products += [Product(gates, chars, units)]
        if layer > 0:
            products += _dense(units, gates, chars)
    return products + _dense(units, SYMBOLS, chars)


def sampling_products(shape: Shape) -> list[Product]:
    """Return the products of writing B texts of T characters beside each other, one character after the other."""
    products = []
    for layer in range(shape.layers):
        inputs = shape.units if layer == 0 else 2 * shape.units
        products.append(Product(4 * shape.units, inputs, shape.batch_size, shape.sequence_length))
    return [*products, Product(SYMBOLS, shape.units, shape.batch_size, shape.sequence_length)]


def sampling_weights(shape: Shape) -> int:
    """Return the weights that every character of one text needs: all kernels but the first, of which one row."""
    per_char = sum(product.rows * product.inner for product in sampling_products(shape))
    return per_char + 4 * shape.units


def _dense(inputs: int, outputs: int, columns: int) -> list[Product]:
    """Return output, gradient of the input and gradient of the weights of a dense layer over all characters."""
    return [Product(outputs, inputs, columns), Product(inputs, outputs, columns), Product(outputs, columns, inputs)]
