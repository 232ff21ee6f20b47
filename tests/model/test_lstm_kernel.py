from __future__ import annotations

import numpy as np
import numpy_reference
import pytest
import tensorflow as tf

from charlstm.model import lstm_cell, lstm_kernel, matmul
from charlstm.model.lstm_cell import LayerWeights
from charlstm.model.lstm_kernel import LayerState, lstm, lstm_stack

STEPS, BATCH, INPUTS, UNITS = 3, 4, 5, 6


def arrays(steps=STEPS, batch=BATCH, inputs=INPUTS, units=UNITS, seed=0):
    """inputs, h, c, kernel, recurrent_kernel, bias; then the gradients of outputs, final h and final c."""
    rng = np.random.default_rng(seed)
    shapes = [(steps, batch, inputs), (batch, units), (batch, units), (inputs, 4 * units), (units, 4 * units)]
    shapes += [(4 * units,), (steps, batch, units), (batch, units), (batch, units)]
    return [rng.normal(0, 0.5, shape).astype(np.float32) for shape in shapes]


def gradients(sources, weighting, run=lstm, **options):
    """Results of `run` and the gradients of their weighted sum, compiled."""

    @tf.function(autograph=False)
    def compute(*sources):
        with tf.GradientTape() as tape:
            tape.watch([source for source in sources if source.dtype.is_floating])
            results = run(*sources, **options)
            loss = tf.add_n([tf.reduce_sum(result * weight) for result, weight in zip(results, weighting, strict=True)])
        return results, tape.gradient(loss, [source for source in sources if source.dtype.is_floating])

    results, slopes = compute(*map(tf.constant, sources))
    return [result.numpy() for result in results], [slope.numpy() for slope in slopes]


def reference(sources, weighting):
    outputs, h, c, steps = numpy_reference.forward(*sources)
    return [outputs, h, c], numpy_reference.backward(steps, sources[3], sources[4], *weighting)


def assert_close(actual, expected, **tolerance):
    assert len(actual) == len(expected)
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, **tolerance)


def identical(first, second):
    return all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_numpy_reference_gradient_is_the_slope():
    *sources, d_outputs, d_h, d_c = [array.astype(np.float64) for array in arrays()]
    slopes = reference(sources, (d_outputs, d_h, d_c))[1]

    def loss():
        outputs, h, c, _ = numpy_reference.forward(*sources)
        return (outputs * d_outputs).sum() + (h * d_h).sum() + (c * d_c).sum()

    for source, slope in zip(sources, slopes, strict=True):
        for index in list(np.ndindex(source.shape))[::3]:
            value = source[index]
            source[index] = value + 1e-6
            above = loss()
            source[index] = value - 1e-6
            below = loss()
            source[index] = value
            assert (above - below) / 2e-6 == pytest.approx(slope[index], rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("new_columns", [0, BATCH])
@pytest.mark.parametrize(("block", "in_sevens"), [(1, False), (1, True), (2, False), (25, False)])
def test_float32_equals_the_reference(block, in_sevens, new_columns, monkeypatch):
    monkeypatch.setattr(lstm_cell, "BLOCK_STEPS", block)
    for least in ("LEAST_ROWS", "LEAST_COLUMNS", "LEAST_LENGTH") if in_sevens else ():
        monkeypatch.setattr(matmul, least, 0)
    monkeypatch.setattr(matmul, "NEW_COLUMNS", new_columns)
    monkeypatch.setattr(matmul, "MOST_NEW_TRANSPOSED_COLUMNS", new_columns and UNITS)
    *sources, d_outputs, d_h, d_c = arrays()
    results, slopes = gradients(sources, (d_outputs, d_h, d_c))
    expected, expected_slopes = reference(sources, (d_outputs, d_h, d_c))
    assert_close(results, expected, atol=1e-5)
    assert_close(slopes, expected_slopes, atol=1e-5)


def test_float32_slope_of_the_kernel_itself():
    *sources, d_outputs, d_h, d_c = arrays()
    slopes = gradients(sources, (d_outputs, d_h, d_c))[1]

    @tf.function(autograph=False)
    def loss(*sources):
        outputs, h, c = lstm(*sources)
        return tf.reduce_sum(outputs * d_outputs) + tf.reduce_sum(h * d_h) + tf.reduce_sum(c * d_c)

    rng = np.random.default_rng(1)
    for position, slope in enumerate(slopes):
        direction = rng.normal(size=slope.shape).astype(np.float32)
        direction /= np.linalg.norm(direction)
        moved = [
            [*sources[:position], sources[position] + s * direction, *sources[position + 1 :]] for s in (0.02, -0.02)
        ]
        numeric = (loss(*map(tf.constant, moved[0])) - loss(*map(tf.constant, moved[1]))) / 0.04
        assert float(numeric) == pytest.approx(float((slope * direction).sum()), rel=2e-3, abs=2e-3)


def test_eager_equals_compiled():
    sources = arrays()[:6]
    with tf.GradientTape() as tape:
        constants = [tf.constant(source) for source in sources]
        tape.watch(constants)
        loss = tf.reduce_sum(lstm(*constants)[0])
    weighting = (np.ones((STEPS, BATCH, UNITS), np.float32), *[np.zeros((BATCH, UNITS), np.float32)] * 2)
    assert_close(tape.gradient(loss, constants), gradients(sources, weighting)[1], atol=1e-5)


def test_bfloat16_is_near_the_reference():
    """bfloat16 keeps 8 bits, half a unit in the last is 0.002; sums of tens of products stay within 3 %."""
    *sources, d_outputs, d_h, d_c = arrays(12, 8, 16, 32)
    results, slopes = gradients(sources, (d_outputs, d_h, d_c), precision="bfloat16")
    expected, expected_slopes = reference(sources, (d_outputs, d_h, d_c))
    for actual, true in zip([*results, *slopes], [*expected, *expected_slopes], strict=True):
        assert actual.dtype == np.float32
        assert np.linalg.norm(actual - true) < 0.03 * np.linalg.norm(true)


@pytest.mark.parametrize("one_hot_symbols", [0, 256], ids=["segment sum", "product"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_ids_equal_one_hot_inputs(precision, one_hot_symbols, monkeypatch):
    monkeypatch.setattr(lstm_cell, "ONE_HOT_SYMBOLS", one_hot_symbols)
    *sources, d_outputs, d_h, d_c = arrays()
    ids = np.random.default_rng(3).integers(0, INPUTS, (STEPS, BATCH)).astype(np.int32)
    one_hot = np.eye(INPUTS, dtype=np.float32)[ids]
    results, slopes = gradients([ids, *sources[1:]], (d_outputs, d_h, d_c), precision=precision)
    expected, expected_slopes = gradients([one_hot, *sources[1:]], (d_outputs, d_h, d_c), precision=precision)
    tolerance = 1e-5 if precision == "float32" else 0.05
    assert_close(results, expected, atol=tolerance)
    assert_close(slopes, expected_slopes[1:], atol=tolerance)


def test_two_halves_equal_the_whole():
    *sources, d_outputs, d_h, d_c = arrays(steps=6)

    def halves(inputs, h, c, *weights):
        first, h, c = lstm(inputs[:3], h, c, *weights)
        second, h, c = lstm(inputs[3:], h, c, *weights)
        return tf.concat([first, second], 0), h, c

    results, slopes = gradients(sources, (d_outputs, d_h, d_c), run=halves)
    whole, whole_slopes = gradients(sources, (d_outputs, d_h, d_c))
    assert_close(results, whole, atol=1e-5)
    assert_close(slopes, whole_slopes, atol=1e-5)


def stack(ids, *flat, **options):
    states = [LayerState(*flat[:2]), LayerState(*flat[2:4])]
    weights = [LayerWeights(*flat[4:7]), LayerWeights(*flat[7:10])]
    blocks, final = lstm_stack(ids, states, weights, **options)
    return tf.concat(blocks, 0), *final[0], *final[1]


def layers_apart(ids, *flat, **options):
    outputs, h, c = lstm(ids, *flat[:2], *flat[4:7], **options)
    outputs, h_above, c_above = lstm(outputs, *flat[2:4], *flat[7:10], **options)
    return outputs, h, c, h_above, c_above


def stack_sources():
    lower, upper = arrays(), arrays(inputs=UNITS, seed=1)
    ids = np.random.default_rng(3).integers(0, INPUTS, (STEPS, BATCH)).astype(np.int32)
    return [ids, *lower[1:3], *upper[1:3], *lower[3:6], *upper[3:6]], [upper[6], *lower[7:], *upper[7:]]


@pytest.mark.parametrize("block_steps", [1, 2, 10])
def test_stack_equals_its_layers_apart(block_steps, monkeypatch):
    sources, weighting = stack_sources()
    monkeypatch.setattr(lstm_kernel, "BLOCK_STEPS", block_steps)
    results, slopes = gradients(sources, weighting, run=stack)
    expected, expected_slopes = gradients(sources, weighting, run=layers_apart)
    assert_close(results, expected, atol=1e-5)
    assert_close(slopes, expected_slopes, atol=1e-5)


def test_the_outputs_come_in_blocks_of_time(monkeypatch):
    monkeypatch.setattr(lstm_kernel, "BLOCK_STEPS", 2)
    ids, *flat = stack_sources()[0]
    states, weights = (
        [LayerState(*flat[:2]), LayerState(*flat[2:4])],
        [LayerWeights(*flat[4:7]), LayerWeights(*flat[7:])],
    )
    blocks, _ = lstm_stack(tf.constant(ids), states, weights)
    assert [tuple(block.shape) for block in blocks] == [(2, BATCH, UNITS), (1, BATCH, UNITS)]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_same_inputs_give_the_same_bits(precision):
    sources, weighting = stack_sources()
    runs = [gradients(sources, weighting, run=stack, precision=precision) for _ in range(3)]
    assert all(identical(run[0] + run[1], runs[0][0] + runs[0][1]) for run in runs[1:])


@pytest.mark.parametrize("mask_steps", [None, 1, STEPS])
@pytest.mark.parametrize("cores", [4, 7])
def test_parts_of_the_batch_equal_the_whole(cores, mask_steps, monkeypatch):
    monkeypatch.setattr(lstm_kernel, "NARROWEST_PART", 1)
    sources, weighting = stack_sources()
    options = {}
    if mask_steps is not None:
        masks = np.random.default_rng(4).integers(0, 3, (2, mask_steps, UNITS, BATCH)).astype(np.float32)
        options["masks"] = list(tf.constant(masks))
    floats = arrays()[0]
    for given in (sources, [floats, *sources[1:]]):
        results, slopes = gradients(given, weighting, run=stack, cores=cores, **options)
        whole, whole_slopes = gradients(given, weighting, run=stack, **options)
        assert_close(results, whole, atol=1e-6)
        assert_close(slopes, whole_slopes, atol=1e-5)


def optimized_nodes(trained, inputs=None, **options):
    """The operations of a compiled step in which only the weights at these positions are trained."""
    from tensorflow.core.protobuf import config_pb2
    from tensorflow.python.eager import context

    sources = [tf.constant(source) for source in stack_sources()[0]]
    if inputs is not None:
        sources[0] = tf.constant(inputs)

    @tf.function(autograph=False)
    def step(*sources):
        watched = [sources[position] for position in trained]
        with tf.GradientTape() as tape:
            tape.watch(watched)
            loss = tf.reduce_sum(stack(*sources, **options)[0])
        return tape.gradient(loss, watched) if trained else loss

    context.enable_run_metadata()
    try:
        step(*sources)
        metadata: config_pb2.RunMetadata = context.context().export_run_metadata()
    finally:
        context.disable_run_metadata()
    return [node for graph in metadata.function_graphs for node in graph.post_optimization_graph.node]


def products_run(trained, inputs=None, **options):
    """How many matrix products such a step runs."""
    return sum("MatMul" in node.op for node in optimized_nodes(trained, inputs, **options))


def test_gradients_of_frozen_weights_are_not_computed():
    forward, blocks = 2 * STEPS, 1
    lower, upper = [5, 6, 7], [8, 9, 10]
    # Per step each layer's product towards its earlier step, and the upper one's towards the layer below;
    # then one product for the upper layer's kernels, and two for the lower one's, whose input is looked up.  The last
    # step back gives only the state's gradient.
    assert products_run(lower + upper) == forward + 2 * (STEPS - 1) + STEPS + 3 * blocks
    assert products_run(upper) == forward + (STEPS - 1) + blocks
    assert products_run([]) == forward


def test_parts_run_their_own_steps_and_share_the_products_of_weight_gradients(monkeypatch):
    a_step_back, weight_gradients = 2 * (STEPS - 1) + STEPS, 3
    of_a_part = 2 * STEPS + a_step_back
    every_weight = list(range(5, 11))
    # A batch of 4 is too narrow to be parted ...
    assert products_run(every_weight, cores=4) == of_a_part + weight_gradients
    # ... unless parts may have 2 rows, and then in no more than two, and in one where the two layers suffice.
    monkeypatch.setattr(lstm_kernel, "NARROWEST_PART", 2)
    assert products_run(every_weight, cores=2) == of_a_part + weight_gradients
    assert products_run(every_weight, cores=3) == 2 * of_a_part + weight_gradients
    assert products_run(every_weight, cores=9) == 2 * of_a_part + weight_gradients
    monkeypatch.setattr(lstm_kernel, "MOST_PARTS", 1)
    assert products_run(every_weight, cores=9) == of_a_part + weight_gradients
    monkeypatch.setattr(lstm_kernel, "MOST_PARTS", 4)
    # Inputs that are no lookup keep a core at work, with one product for all steps.
    of_a_part += 1
    assert products_run(every_weight, arrays()[0], cores=3) == of_a_part + weight_gradients
    assert products_run(every_weight, arrays()[0], cores=4) == 2 * of_a_part + weight_gradients


@pytest.mark.parametrize("new_columns", [BATCH, BATCH + 1])
def test_no_transpose_is_folded_into_the_products_of_the_loop(new_columns, monkeypatch):
    # Each product would run at a third of its speed.
    monkeypatch.setattr(matmul, "NEW_COLUMNS", new_columns)
    products = [node for node in optimized_nodes(list(range(5, 11))) if "MatMul" in node.op]
    weight_gradients, first_states = 3, 1
    assert sum(product.attr["transpose_a"].b or product.attr["adj_x"].b for product in products) == 0
    transposed = [product.attr["transpose_b"].b or product.attr["adj_y"].b for product in products]
    assert sum(transposed) == weight_gradients + first_states


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((None, 4), {}, "static"),
        ((3, 4), {"precision": "half"}, "precision"),
    ],
)
def test_refusals(shape, options, message):
    sources = stack_sources()[0]
    function = tf.function(lambda ids: stack(ids, *sources[1:], **options), autograph=False)
    with pytest.raises(ValueError, match=message):
        function.get_concrete_function(tf.TensorSpec(shape, tf.int32))
