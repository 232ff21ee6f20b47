"""Checkpoints written beside the training, on a thread of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from charlstm.store.checkpoints import Checkpoint, FormOf, load_checkpoint, write_checkpoint


class CheckpointKeeper:
    """Takes checkpoints of one run.

    The training stands still only while its arrays are copied.  While a checkpoint is being written, others that are
    offered are let go: going on from an older one makes the same steps again, to the bit.  One that is wanted waits:
    what a training goes back to must not depend on the time.

    Args:
        model: the model directory.
        form_of: tells from a position which network a checkpoint holds, and the arrays besides the weights.
        minutes: the time after which a checkpoint is taken in the middle of an epoch too.
        warn: is told of checkpoints that do not verify.
    """

    def __init__(self, model: Path, form_of: FormOf, minutes: float, warn: Callable[[str], None]) -> None:
        self._model = model
        self._form_of = form_of
        self._seconds = minutes * 60
        self._warn = warn
        self._writer: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._last = time.monotonic()

    def offer(self, capture: Callable[[], Checkpoint], *, is_wanted: bool) -> None:
        """Take a checkpoint if it is wanted, or the last one is old and none is being written.

        Raises:
            OSError: the checkpoint before could not be written.
        """
        self._raise_failure()
        is_busy = self._writer is not None and self._writer.is_alive()
        if not is_wanted and (is_busy or time.monotonic() - self._last < self._seconds):
            return
        self.wait()
        self._last = time.monotonic()
        checkpoint = capture()
        self._writer = threading.Thread(target=self._write_beside, args=(checkpoint,), name="checkpoint")
        self._writer.start()

    def write(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint and wait until it is safe.

        Raises:
            OSError: it could not be written.
        """
        self.wait()
        self._write(checkpoint)

    def wait(self) -> None:
        """Wait for the checkpoint that is being written.

        Raises:
            OSError: it could not be written.
        """
        if self._writer is not None:
            self._writer.join()
        self._raise_failure()

    def newest(self, until: int | None = None) -> Checkpoint:
        """Return the newest checkpoint that verifies, of those up to a step if one is given.

        Raises:
            ModelError: there is none.
        """
        self.wait()
        return load_checkpoint(self._model, self._form_of, self._warn, until)

    def _write(self, checkpoint: Checkpoint) -> None:
        write_checkpoint(self._model, checkpoint, checkpoint.position["back_step"])

    def _write_beside(self, checkpoint: Checkpoint) -> None:
        try:
            self._write(checkpoint)
        except BaseException as failure:  # handed to the training's thread, which ends the run with it
            self._failure = failure

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
