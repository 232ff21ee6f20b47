"""Weights in memory of large pages."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from charlstm.config import ModelConfig
from charlstm.model.large_pages import LARGE_PAGE, LEAST_BYTES, in_large_pages
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.model.weights import initial_weights

has_large_pages = pytest.mark.skipif(
    not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="the system has no large pages to ask for"
)


def asked_for() -> int:
    """Return the size, in bytes, of the memory of this process that is to be in large pages."""
    maps = re.findall(r"^Size: +(\d+) kB(?:\n.*?)*?^VmFlags:(.*)", Path("/proc/self/smaps").read_text(), re.MULTILINE)
    return sum(1024 * int(size) for size, flags in maps if "hg" in flags.split())


@pytest.mark.parametrize("shape", [(1,), (600, 700), (LARGE_PAGE // 4,), (3, LARGE_PAGE // 4 + 1)])
def test_a_copy_is_equal_and_its_own(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    before = array.copy()
    copy = in_large_pages(array)
    assert copy.shape == shape
    assert np.array_equal(copy, before)
    if array.nbytes >= LEAST_BYTES:
        copy += 1
        assert np.array_equal(array, before)


@has_large_pages
def test_a_copy_begins_with_a_page_and_goes_with_its_array() -> None:
    before = asked_for()
    # NumPy asks for them itself from 4 MB on.
    copy = in_large_pages(np.ones(LARGE_PAGE // 8, np.float32))
    assert copy.ctypes.data % LARGE_PAGE == 0
    assert asked_for() >= before + copy.nbytes
    del copy
    assert asked_for() == before


@has_large_pages
def test_the_weights_of_a_network_that_writes_are_in_large_pages() -> None:
    config = ModelConfig(90, (256, 256), (0.0, 0.0))
    weights = initial_weights(config, 1)
    before = asked_for()
    network = NumpyLSTM(config, weights)
    assert asked_for() >= before + 4 * (256 + 512) * 1024
    del network
