from __future__ import annotations

import numpy as np
import pytest

from charlstm.data.batches import RandomLengthBatches, StreamBatches, longest_length

IDS = np.arange(40_000)


def lengths(batches: RandomLengthBatches, steps: range) -> list[int]:
    return [batches(step)[0].shape[1] for step in steps]


def test_lengths_are_those_of_the_paper_and_few_are_different() -> None:
    batches = RandomLengthBatches(IDS, 1, 70, 3)
    found = np.array(lengths(batches, range(3 * batches.steps_per_epoch)))
    assert len(found) == 3 * int(40_000 / (70 * 0.975))
    assert set(found % 5) == {0}
    assert len(set(found)) <= 14
    near = found[found > 52]
    assert 0.02 < 1 - len(near) / len(found) < 0.08
    assert abs(near.mean() - 70) < 0.5
    assert abs(near.std() - 5) < 0.7


def test_each_step_goes_on_where_the_one_before_ended() -> None:
    batches = RandomLengthBatches(IDS, 4, 20, 3)
    chars = 0
    for step in range(batches.steps_per_epoch - 1):
        inputs, targets, scored = batches(step)
        assert scored is None
        np.testing.assert_array_equal(targets, (inputs + 1) % len(IDS))
        np.testing.assert_array_equal(batches(step + 1)[0][:, 0], targets[:, -1])
        assert batches.chars_before(step) == chars
        chars += inputs.size
    assert batches.begins_anew(batches.steps_per_epoch)
    again = RandomLengthBatches(IDS, 4, 20, 3)
    np.testing.assert_array_equal(again(100)[0], batches(100)[0])
    total = batches.chars_before(2 * batches.steps_per_epoch)
    assert total == 4 * sum(lengths(batches, range(2 * batches.steps_per_epoch)))
    assert lengths(batches, range(20)) != lengths(RandomLengthBatches(IDS, 4, 20, 4), range(20))


@pytest.mark.parametrize("usual", [1, 20, 70, 211])
def test_no_sequence_is_longer_than_the_longest(usual: int) -> None:
    found = lengths(RandomLengthBatches(IDS, 1, usual, 3), range(300))
    assert usual < max(found) <= longest_length(usual, random_lengths=True) or usual == 1


def test_short_sequences_have_a_symbol_at_least() -> None:
    assert set(lengths(RandomLengthBatches(IDS, 4, 1, 3), range(50))) == {1}


def test_targets_can_stand_further_ahead() -> None:
    for batches in (StreamBatches(IDS, 3, 8, 1, target_offset=5), RandomLengthBatches(IDS, 3, 8, 1, target_offset=5)):
        inputs, targets, _ = batches(7)
        assert inputs.shape == targets.shape
        np.testing.assert_array_equal(targets, (inputs + 5) % len(IDS))
