from __future__ import annotations

import numpy as np
import pytest

from charlstm.training.rate_range import RunningMean, suggested


def test_smoothing_has_no_bias_to_the_first_and_follows_the_rest() -> None:
    alike, rising = RunningMean(), RunningMean()
    assert [alike.after(3.0) for _ in range(3)] == pytest.approx([3, 3, 3])
    assert [rising.after(loss) for loss in (1.0, 2.0)] == pytest.approx([1, (0.9 * 0.1 * 1 + 0.1 * 2) / (1 - 0.81)])


def test_the_rate_of_the_steepest_fall_before_the_least_loss_is_suggested() -> None:
    powers = np.linspace(-4, 1, 51)
    rates = list(10**powers)
    # The loss falls as a step around 10^-2 and rises steeply beyond 1.
    losses = list(3 - 1 / (1 + np.exp(-5 * (powers + 2))) + 9 * np.maximum(0, powers))
    assert suggested(rates, losses) == pytest.approx(1e-2, rel=0.01)
    assert suggested([1e-3, 1e-2, 1e-1], [2.0, 2.1, 2.2]) is None
