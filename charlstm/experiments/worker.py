"""A process of `charlstm sweep --jobs` that runs trials: how it is started and watched, and what it does.

It stops in order when its standard input ends, so that it never outlives the process that started it for long.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from charlstm.errors import CharlstmError, StoppedError
from charlstm.model.runtime import process_command, start_tensorflow

if TYPE_CHECKING:
    from charlstm.store.history import Evaluation
    from charlstm.store.model_directory import Weights
    from charlstm.training.job import Progress

BUG_EXIT_CODE = 3


class WorkerError(CharlstmError):
    """A worker ended with an error: its sentence and its exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Worker:
    """A process that runs trials until none is left that no other process works on.

    Args:
        out: the sweep's directory.
        threads: the operations that run side by side.
        checkpoint_minutes: the time after which a checkpoint is taken in the middle of an epoch too.
    """

    def __init__(self, out: Path, threads: int, checkpoint_minutes: float) -> None:
        arguments = {"out": str(out), "threads": threads, "checkpoint_minutes": checkpoint_minutes}
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115  (closed in __exit__)
        self._process = subprocess.Popen(
            process_command("charlstm.experiments.worker", json.dumps(arguments)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._messages,
            # Ctrl-C goes to the process that started it, which then asks all workers to stop.
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ask_to_stop()
        self.wait()
        self._messages.close()

    @property
    def is_running(self) -> bool:
        """Whether it is still at work."""
        return self._process.poll() is None

    def ask_to_stop(self) -> None:
        """Ask it to stop, with a checkpoint, after the step that it is in."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def wait(self) -> None:
        """Wait for its end."""
        self._process.wait()

    def raise_failure(self) -> None:
        """Raise what it ended with, if that was an error.

        Raises:
            RuntimeError: a bug, with its traceback.
            StoppedError: a signal that it took itself.
            WorkerError: anything else.
        """
        if self.is_running or (code := self._process.returncode) == 0:
            return
        self._messages.seek(0)
        said = self._messages.read().decode("utf-8", "replace").strip()
        if code == BUG_EXIT_CODE:
            raise RuntimeError(said)
        if code > 128:
            raise StoppedError("a worker was stopped", code - 128)
        if code < 0:
            raise WorkerError(f"a worker was ended by signal {-code}; what it had begun is gone on with --resume", 1)
        raise WorkerError(said.splitlines()[-1] if said else f"a worker ended with exit code {code}", code)


def main() -> None:
    """Work on the sweep that the first argument, in JSON, names; say on stderr what ended it, and by the exit code."""
    arguments = json.loads(sys.argv[1])
    start_tensorflow(arguments["threads"])
    from charlstm.experiments.drain import drain
    from charlstm.store.sweep_file import read_sweep

    threading.Thread(target=_stop_when_input_ends, daemon=True).start()
    out = Path(arguments["out"])
    try:
        drain(
            out,
            read_sweep(out),
            arguments["checkpoint_minutes"],
            observe=lambda trial: lambda job, vocabulary: _Silence(),  # noqa: ARG005
            note=lambda sentence: None,  # noqa: ARG005
            tick=lambda: None,
            waits=False,
        )
    except CharlstmError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        print(f"{error.filename or out}: {error.strerror or error}", file=sys.stderr)
        sys.exit(CharlstmError.exit_code)
    except Exception:
        traceback.print_exc()
        sys.exit(BUG_EXIT_CODE)


class _Silence:
    """Watches a training and says nothing."""

    def stepped(self, progress: Progress) -> None:
        pass

    def evaluated(self, evaluation: Evaluation, is_best: bool, weights: Callable[[], Weights]) -> None:
        pass

    def ended(self) -> None:
        pass


def _stop_when_input_ends() -> None:
    from charlstm.training.signals import request_stop

    # Not through sys.stdin, whose lock would be held when the interpreter ends.
    while os.read(0, 4096):
        pass
    request_stop()
