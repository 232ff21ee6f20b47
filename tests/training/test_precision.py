from __future__ import annotations

import pytest
import tensorflow as tf

from charlstm.config import MAX_UNROLLED_STEPS
from charlstm.errors import OptionError
from charlstm.training.precision import choose_precision


def test_a_precision_that_is_asked_for_is_taken() -> None:
    assert choose_precision("float32", 300) == "float32"
    assert choose_precision("bfloat16", 100) == "bfloat16"


@pytest.mark.parametrize(
    ("capabilities", "processor", "chosen"),
    [
        ([], True, "bfloat16"),
        ([], False, "float32"),
        ([(7, 5)], True, "float32"),
        ([(8, 0)], False, "bfloat16"),
        ([(9, 0), (7, 0)], False, "bfloat16"),
    ],
)
def test_auto_asks_what_computes(
    monkeypatch: pytest.MonkeyPatch, capabilities: list[tuple[int, int]], processor: bool, chosen: str
) -> None:
    monkeypatch.setattr("charlstm.training.precision.processor_has_bfloat16", lambda: processor)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: capabilities)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda each: {"compute_capability": each})
    assert choose_precision("auto", 100) == chosen


def test_only_a_gpu_takes_bfloat16_for_long_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charlstm.training.precision.processor_has_bfloat16", lambda: True)
    assert choose_precision("auto", MAX_UNROLLED_STEPS) == "bfloat16"
    assert choose_precision("auto", MAX_UNROLLED_STEPS + 1) == "float32"
    with pytest.raises(OptionError, match="of up to 256 steps, not of 257"):
        choose_precision("bfloat16", MAX_UNROLLED_STEPS + 1)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["gpu"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda _: {"compute_capability": (8, 0)})
    assert choose_precision("auto", MAX_UNROLLED_STEPS + 1) == "bfloat16"
    assert choose_precision("bfloat16", MAX_UNROLLED_STEPS + 1) == "bfloat16"
