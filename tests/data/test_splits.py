from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.data.splits import choose_split_by, split_documents, split_positions
from charlstm.errors import DataError

SHARES = st.sampled_from([(0.8, 0.1, 0.1), (0.34, 0.33, 0.33), (0.9, 0.1, 0.0), (0.9, 0.0, 0.1), (1.0, 0.0, 0.0)])


@given(st.lists(st.integers(1, 1000), min_size=3, max_size=60), SHARES, st.integers(0, 5))
def test_every_wanted_split_has_a_document(lengths: list[int], shares: tuple[float, ...], seed: int) -> None:
    split_of = split_documents(np.array(lengths, np.uint32), shares, seed)
    assert {number for number, share in enumerate(shares) if share > 0} == set(split_of.tolist())


@pytest.mark.parametrize("documents", [3000, 200_000])
def test_shares_are_those_of_characters(documents: int) -> None:
    lengths = np.random.default_rng(1).integers(1, 5000, documents).astype(np.uint32)
    split_of = split_documents(lengths, (0.34, 0.33, 0.33), 1)
    got = [lengths[split_of == number].sum() / lengths.sum() for number in range(3)]
    np.testing.assert_allclose(got, (0.34, 0.33, 0.33), atol=5000 / lengths.sum())
    assert (split_of != split_documents(lengths, (0.34, 0.33, 0.33), 2)).any()
    assert (split_of[:100] != 0).any()


@given(st.integers(3, 10_000), SHARES)
def test_positions_end_with_the_text(length: int, shares: tuple[float, ...]) -> None:
    ends = split_positions(length, shares)
    assert ends[-1] == length
    sizes = np.diff((0, *ends))
    for size, share in zip(sizes, shares, strict=True):
        assert (size > 0) == (share > 0)
        assert abs(size - share * length) <= 2


def test_too_little_says_what_is_needed() -> None:
    with pytest.raises(DataError, match="at least 3"):
        split_documents(np.array([5, 5], np.uint32), (0.8, 0.1, 0.1), 1)
    with pytest.raises(DataError, match="at least 2"):
        split_positions(1, (0.9, 0.1, 0.0))


def test_auto_takes_documents_from_ten_upwards() -> None:
    assert choose_split_by("auto", 9) == "position"
    assert choose_split_by("auto", 10) == "document"
    assert choose_split_by("position", 10) == "position"
