from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from charlstm.data.batches import DocumentBatches, StreamBatches
from charlstm.errors import DataError

END = 0
LENGTHS = (7, 1, 12, 30, 2, 7, 19, 3, 25, 5, 8)


def text(lengths: tuple[int, ...] = LENGTHS) -> tuple[np.ndarray, np.ndarray]:
    """A text whose symbols all differ but for those that end documents, and where its documents start."""
    ids = np.arange(1, sum(lengths) + 1)
    ends = np.cumsum(lengths)
    ids[ends - 1] = END
    return ids, ends - lengths


def documents_of(batches: DocumentBatches, epoch: int) -> list[tuple[list[int], list[int]]]:
    """Return the inputs and targets of all documents, as an epoch reads them."""
    first, documents, rows = epoch * batches.steps_per_epoch, [], []
    for step in range(first, first + batches.steps_per_epoch):
        if batches.begins_anew(step):
            documents += rows
            rows = [([], []) for _ in range(batches.batch_size)]
        inputs, targets, scored = batches(step)
        assert inputs.shape == targets.shape == scored.shape == (batches.batch_size, batches.sequence_length)
        assert (inputs.dtype, targets.dtype) == (np.int32, np.int32)
        assert scored.any()
        for row, (read, predicted) in enumerate(rows):
            read += inputs[row, scored[row]].tolist()
            predicted += targets[row, scored[row]].tolist()
    return [row for row in documents + rows if row[1]]


@pytest.mark.parametrize(("batch_size", "sequence_length"), [(1, 1), (2, 7), (3, 4), (4, 100), (11, 5), (50, 30)])
def test_every_epoch_reads_every_document_whole_after_an_end(batch_size: int, sequence_length: int) -> None:
    ids, starts = text()
    batches = DocumentBatches(ids, starts, END, batch_size, sequence_length, 1)
    parts = [part.tolist() for part in np.split(ids, starts[1:])]
    for epoch in (0, 3):
        assert sorted(documents_of(batches, epoch)) == sorted(([END, *part[:-1]], part) for part in parts)


def test_a_batch_and_a_step_are_no_larger_than_the_documents() -> None:
    batches = DocumentBatches(*text(), END, 50, 1000, 1)
    assert (batches.batch_size, batches.sequence_length, batches.steps_per_epoch) == (len(LENGTHS), max(LENGTHS), 1)


def test_documents_of_similar_length_stand_beside_each_other() -> None:
    batches = DocumentBatches(*text(), END, 3, 4, 1)
    found = [len(targets) for _, targets in documents_of(batches, 0)]
    # In their order, the batches of 11 documents are one of two and three of three.
    for number in range(4):
        expected = sorted(LENGTHS, reverse=True)[3 * number : 3 * number + 3]
        assert any(found[place : place + len(expected)] == expected for place in range(len(found)))


def test_the_order_is_a_pure_function_of_seed_and_epoch() -> None:
    def lengths(epoch: int, seed: int = 1) -> list[int]:
        return [len(targets) for _, targets in documents_of(DocumentBatches(*text(), END, 2, 4, seed), epoch)]

    assert len({tuple(lengths(epoch)) for epoch in range(6)}) > 3
    assert len({tuple(lengths(0, seed)) for seed in range(6)}) > 3
    batches = DocumentBatches(*text(), END, 2, 4, 1)
    alone = [batches(step) for step in (29, 3, 50)]
    again = [DocumentBatches(*text(), END, 2, 4, 1)(step) for step in (29, 3, 50)]
    for one, other in zip(alone, again, strict=True):
        for part, twin in zip(one, other, strict=True):
            np.testing.assert_array_equal(part, twin)


def test_symbols_are_counted_without_padding() -> None:
    batches = DocumentBatches(*text(), END, 3, 4, 1)
    counted = 0
    for step in range(2 * batches.steps_per_epoch):
        assert batches.chars_before(step) == counted
        counted += int(batches(step)[2].sum())
    assert counted == 2 * sum(LENGTHS)


def steps_by_definition(batches: DocumentBatches, starts: np.ndarray, epoch: int) -> list[tuple[list[int], int, int]]:
    """Return for each step of an epoch where its documents start, how far they are read, and what is scored in it."""
    lengths = np.diff(starts, append=len(batches.ids))
    order = [number for number in np.argsort(-lengths, kind="stable") if lengths[number]]
    parted = [order[at : at + batches.batch_size] for at in range(0, len(order), batches.batch_size)]
    place = np.random.default_rng([batches.random_seed, epoch]).permutation(len(parted))
    steps = []
    for batch in sorted(range(len(parted)), key=lambda number: place[number]):
        rows = parted[batch]
        for offset in range(0, int(lengths[rows[0]]), batches.sequence_length):
            scored = np.clip(lengths[rows] - offset, 0, batches.sequence_length).sum()
            steps.append((starts[rows].tolist(), offset, int(scored)))
    return steps


@pytest.mark.parametrize("seed", range(20))
def test_steps_are_those_of_the_definition(seed: int) -> None:
    random = np.random.default_rng(seed)
    lengths = random.integers(0, random.integers(2, 40), random.integers(3, 60))
    lengths[:2] = 3
    ids, starts = np.arange(lengths.sum()), np.cumsum(lengths) - lengths
    batches = DocumentBatches(ids, starts, END, int(random.integers(1, 20)), int(random.integers(1, 30)), seed)
    step = counted = 0
    for epoch in range(3):
        for begins, offset, scored in steps_by_definition(batches, starts, epoch):
            firsts = np.clip(np.add(begins, offset - 1), 0, len(ids) - 1)
            assert batches.places(step)[: len(begins), 0].tolist() == firsts.tolist()
            assert batches.begins_anew(step) == (offset == 0)
            assert int(batches(step)[2].sum()) == scored
            assert batches.chars_before(step) == counted
            step, counted = step + 1, counted + scored
    assert step == 3 * batches.steps_per_epoch


def test_one_long_document_among_many_takes_no_more_memory_than_the_text() -> None:
    ids, starts = text((20_000, *[1] * 999))
    tracemalloc.start()
    batches = DocumentBatches(ids, starts, END, 1000, 1, 1)
    counted = batches.chars_before(batches.steps_per_epoch - 1)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (batches.steps_per_epoch, counted) == (20_000, len(ids) - 1)
    assert most < 200_000


def test_a_document_of_which_nothing_is_left_is_not_read() -> None:
    ids, _ = text((3, 4, 5))
    batches = DocumentBatches(ids, np.array([0, 0, 3, 7, 7, 12]), END, 4, 10, 1)
    assert sorted(len(targets) for _, targets in documents_of(batches, 0)) == [3, 4, 5]


@pytest.mark.parametrize(
    ("starts", "end", "says"), [([0], END, "needs two documents"), ([0, 5], None, "not among the symbols")]
)
def test_what_cannot_be_read_by_document_is_refused(starts: list[int], end: int | None, says: str) -> None:
    with pytest.raises(DataError, match=says):
        DocumentBatches(np.arange(9), np.array(starts), end, 2, 4, 1)


def test_streams_go_on_within_an_epoch_and_all_of_them_is_scored() -> None:
    batches = StreamBatches(np.arange(100), 3, 8, 1)
    assert batches.steps_per_epoch == 4
    assert [batches.begins_anew(step) for step in range(9)] == [step in (0, 4, 8) for step in range(9)]
    before = batches(0)
    for step in (1, 2, 3):
        inputs, targets, scored = batches(step)
        assert scored is None
        np.testing.assert_array_equal(inputs[:, 0], before[1][:, -1])
        np.testing.assert_array_equal(targets[:, :-1], inputs[:, 1:])
        before = (inputs, targets, scored)
    assert batches.chars_before(5) == 5 * 3 * 8
