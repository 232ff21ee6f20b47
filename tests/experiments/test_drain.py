"""Processes that drain one sweep share its trials."""

from __future__ import annotations

import threading
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from made_up import result, sweep_file

from charlstm.errors import StoppedError
from charlstm.experiments import drain as draining
from charlstm.experiments.drain import drain, in_order
from charlstm.experiments.paths import TRIALS, is_finished, trial_path
from charlstm.experiments.plan import Trial, trials_of
from charlstm.store.lock import locked
from charlstm.store.trial_result import write_result
from charlstm.training.signals import request_stop

SWEEP = sweep_file(subsets=("0", "1", "2", "all"), seeds=5)


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of trials as they are run; a trial takes a moment and does nothing."""
    (tmp_path / TRIALS).mkdir()
    names: list[str] = []

    def run_trial(out: Path, sweep: Any, trial: Trial, *_: Any) -> None:  # noqa: ARG001
        names.append(trial.name)
        time.sleep(0.005)
        write_result(trial_path(out, trial), result([1.0, 2.0]))

    monkeypatch.setattr(draining, "run_trial", run_trial)
    monkeypatch.setattr(draining, "POLL_SECONDS", 0.01)
    return names


def watch_nothing(trial: Trial) -> Any:
    del trial


def work(out: Path, *, waits: bool = False, notes: list[str] | None = None) -> None:
    drain(out, SWEEP, 5, watch_nothing, (notes or []).append, lambda: None, waits=waits)


def test_several_workers_run_each_trial_exactly_once(tmp_path: Path, ran: list[str]) -> None:
    workers = [threading.Thread(target=work, args=(tmp_path,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert set(Counter(ran).values()) == {1}
    assert len(ran) == 20
    assert all(is_finished(tmp_path, trial) for trial in trials_of(SWEEP))


def test_a_trial_that_another_holds_is_left_or_waited_for_and_taken_over(tmp_path: Path, ran: list[str]) -> None:
    first = trials_of(SWEEP)[0]
    trial_path(tmp_path, first).mkdir()
    notes = ["the first"]
    with locked(trial_path(tmp_path, first)):
        work(tmp_path)
        assert len(ran) == 19
        waiting = threading.Thread(target=work, args=(tmp_path,), kwargs={"waits": True, "notes": notes})
        waiting.start()
        time.sleep(0.1)
        assert waiting.is_alive()
        assert len(ran) == 19
    # Its holder has gone without a result.
    waiting.join()
    assert ran[-1] == first.name
    assert notes[1:] == ["Waiting for 1 trials that other processes work on ..."]


def test_a_process_keeps_to_the_networks_that_it_has_compiled(tmp_path: Path, ran: list[str]) -> None:
    work(tmp_path)
    groups = [name.split("_")[1] for name in ran]
    assert sum(one != other for one, other in pairwise(groups)) == 3
    # Beside a process that has begun the first group, another takes one that nobody has begun.
    for path in (tmp_path / TRIALS).iterdir():
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
    trials = list(trials_of(SWEEP))
    trial_path(tmp_path, trials[0]).mkdir()
    assert in_order(tmp_path, trials, None)[0].group != trials[0].group
    assert in_order(tmp_path, trials, trials[0].group)[0].group == trials[0].group


def test_a_stop_between_two_trials_is_heard(tmp_path: Path, ran: list[str]) -> None:
    def stop_after_three() -> None:
        if len(ran) == 3:
            request_stop()

    with pytest.raises(StoppedError) as stopped:
        drain(tmp_path, SWEEP, 5, watch_nothing, print, stop_after_three, waits=False)
    assert stopped.value.exit_code == 143
    assert len(ran) == 3
