from __future__ import annotations

import os
from pathlib import Path

import pytest

from charlstm.benchmark import disturbance


def test_cores_kept_busy_by_others_are_all_busy_time_but_the_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, own = 100.0, 0.0
    monkeypatch.setattr("time.monotonic", lambda: clock)
    monkeypatch.setattr(disturbance, "_own_seconds", lambda: own)
    tick = os.sysconf("SC_CLK_TCK")
    times = tmp_path / "stat"
    times.write_text(f"cpu {5 * tick} 0 {5 * tick} {900 * tick} {90 * tick} 0 0 0 7 7\ncpu0 1 2 3\n")
    others = disturbance.watch(times)
    clock, own = 110.0, 12.0
    # In ten seconds 17 busy ones, of which 12 are our own.
    times.write_text(f"cpu {15 * tick} {2 * tick} {9 * tick} {999 * tick} {99 * tick} 0 0 {tick} 9 9\n")
    assert others() == pytest.approx(0.5)


@pytest.mark.parametrize("content", [None, "", "cpu a b", "intr 1 2"])
def test_a_system_that_does_not_tell_gives_none(tmp_path: Path, content: str | None) -> None:
    times = tmp_path / "stat"
    if content is not None:
        times.write_text(content)
    assert disturbance.watch(times)() is None
