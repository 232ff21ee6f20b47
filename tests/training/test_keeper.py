"""Which checkpoints of those that are offered come to be on disk."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from charlstm.store.checkpoints import Checkpoint
from charlstm.training import keeper as module
from charlstm.training.keeper import CheckpointKeeper


def checkpoint(step: int) -> Checkpoint:
    return Checkpoint(step, {}, {}, {}, {"back_step": 0}, [])


def test_only_what_is_not_wanted_is_let_go_while_another_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, may_end = [], threading.Event()

    def write(_: Path, taken: Checkpoint, needed: int) -> None:
        may_end.wait()
        written.append((taken.step, needed))

    monkeypatch.setattr(module, "write_checkpoint", write)
    keeper = CheckpointKeeper(tmp_path, lambda _: pytest.fail("none is read"), 0.0, pytest.fail)
    keeper.offer(lambda: checkpoint(1), is_wanted=True)
    keeper.offer(lambda: checkpoint(2), is_wanted=False)
    threading.Timer(0.1, may_end.set).start()
    keeper.offer(lambda: checkpoint(3), is_wanted=True)
    keeper.wait()
    assert written == [(1, 0), (3, 0)]
