from __future__ import annotations

import pytest

from charlstm.benchmark.contenders import SYMBOLS, Shape
from charlstm.benchmark.limit import split
from charlstm.benchmark.products import Product, sampling_products, sampling_weights, training_products
from charlstm.config import ModelConfig


def test_a_training_step_multiplies_three_times_its_forward_products() -> None:
    shape = Shape(layers=3, units=5, batch_size=7, sequence_length=11)
    recurrent, between, head = 3 * 4 * 5 * 5, 2 * 4 * 5 * 5, 5 * SYMBOLS
    assert sum(product.flops for product in training_products(shape)) == 3 * 2 * 7 * 11 * (recurrent + between + head)


def test_only_the_recurrent_products_come_step_by_step() -> None:
    products = training_products(Shape(layers=2, units=5, batch_size=7, sequence_length=11))
    step_by_step = [(product.rows, product.inner, product.columns) for product in products if product.count > 1]
    assert step_by_step == [(20, 5, 7), (5, 20, 7)] * 2
    assert {product.count for product in products} == {1, 11}


def test_sampling_multiplies_every_weight_once_a_character() -> None:
    shape = Shape(layers=2, units=5, batch_size=7, sequence_length=11)
    per_char = 2 * 4 * 5 * 5 + 4 * 5 * 5 + 5 * SYMBOLS
    assert sum(product.flops for product in sampling_products(shape)) == 2 * 7 * 11 * per_char


def test_the_weights_read_are_all_but_the_biases_and_the_rows_of_other_symbols() -> None:
    units = 5
    parameters = ModelConfig(SYMBOLS, (units, units), (0.0, 0.0)).parameters
    biases = 2 * 4 * units + SYMBOLS
    assert sampling_weights(Shape(2, units, 1, 11)) == parameters - biases - (SYMBOLS - 1) * 4 * units


@pytest.mark.parametrize("product", [Product(20, 5, 7), Product(5, 20, 77), Product(1, 9, 2)])
@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_a_product_cut_up_is_as_much_work(product: Product, parts: int) -> None:
    cut = split(product, parts)
    assert sum(part.flops for part in cut) == product.flops
    assert len(cut) == min(parts, max(product.rows, product.columns))
