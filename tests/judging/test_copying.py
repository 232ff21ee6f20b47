from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charlstm.judging import copying
from charlstm.judging.copying import LENGTHS, MARKED, find_copies

SEPARATOR = 4


def brute_force(text: str, source: str) -> tuple[dict[int, float | None], int, list[bool]]:
    """Look for every substring of the text between separators with Python's own search."""
    shares: dict[int, float | None] = {}
    copied = [False] * len(text)
    longest = 0
    for length in range(1, len(text) + 1):
        windows = [(place, text[place : place + length]) for place in range(len(text) - length + 1)]
        windows = [(place, window) for place, window in windows if chr(SEPARATOR) not in window]
        found = [place for place, window in windows if window in source]
        if found:
            longest = length
        if length in LENGTHS:
            shares[length] = len(found) / len(windows) if windows else None
        if length == MARKED:
            for place in found:
                copied[place : place + length] = [True] * length
    return {length: shares.get(length) for length in LENGTHS}, longest, copied


def as_ids(text: str) -> np.ndarray:
    return np.array([ord(character) for character in text], np.uint8)


def check(text: str, source: str) -> None:
    found = find_copies(as_ids(text), as_ids(source), SEPARATOR)
    shares, longest, copied = brute_force(text, source)
    assert found.shares == shares
    begin, end = found.longest
    assert end - begin == longest
    assert text[begin:end] in source
    assert chr(SEPARATOR) not in text[begin:end]
    assert found.is_copied.tolist() == copied


@settings(max_examples=60)
@given(st.data())
def test_it_finds_what_a_brute_force_finds(data: st.DataObject) -> None:
    symbols = st.text(st.sampled_from([chr(number) for number in range(data.draw(st.integers(1, 4)))]), max_size=90)
    source = data.draw(symbols)
    stretches = []
    for _ in range(data.draw(st.integers(0, 4))):
        begin = data.draw(st.integers(0, len(source)))
        stretches.append(source[begin : begin + data.draw(st.integers(0, 90))])
        stretches.append(data.draw(st.text(st.sampled_from("\0\1\4"), max_size=9)))
    check("".join(stretches), source)


@pytest.mark.parametrize("block", [7, 50, 64])
def test_a_stretch_is_found_across_the_ends_of_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "BLOCK", block)
    random = np.random.default_rng(block)
    source = "".join(map(chr, random.integers(0, 4, 600)))
    for begin in range(0, 400, 97):
        for length in (15, 33, 129):
            check(chr(4) + source[begin : begin + length] + "\0\1\4\1", source)


def test_a_longer_stretch_is_found_after_a_long_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "BLOCK", 500)
    source = "".join(map(chr, np.random.default_rng(3).integers(0, 4, 1500)))
    text = f"{source[100:400]}\4{source[700:1300]}"
    found = find_copies(as_ids(text), as_ids(source), SEPARATOR)
    assert found.longest == (301, 901)


def test_the_order_of_symbols_counts() -> None:
    # Hashes that only count symbols, or halves, would take these for each other.
    for source in ("\0\1\2\3" * 2, "\1\0\3\2" * 2, "\2\3\0\1" * 2):
        check("\0\1\2\3\0\1\2\3\4\3\2\1\0\3\2\1\0", source)
    check("\0\2\1\3\0\2\1\3", "\0\1\2\3\0\1\2\3")


def test_nothing_is_copied_from_nothing() -> None:
    check("\0\1", "")
    check("", "\0\1")


def test_memory_does_not_grow_with_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "BLOCK", 1 << 14)
    random = np.random.default_rng(2)
    text = random.integers(0, 50, 1000).astype(np.uint8)
    peaks = []
    for size in (1 << 16, 1 << 19):
        source = random.integers(0, 50, size).astype(np.uint8)
        tracemalloc.start()
        find_copies(text, source, 50)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
