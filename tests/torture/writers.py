"""Every writer interrupted before each of its file operations: by an error, a full disk, the end of the process.

A trial is a child process that writes over something good, or beside it, and in which the n-th file operation fails or
ends the process.  Afterwards what was good before opens, or what was to be written does; nothing half-written can be
seen; and the same writer, undisturbed, comes to its end.  With leave to mount, a tiny disk that is full is used too.
"""

from __future__ import annotations

import builtins
import errno
import functools
import io
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from harness import FIRST_FORMAT, Tally, arguments
from safetensors.numpy import load_file

from charlstm.config import CorpusConfig
from charlstm.errors import CharlstmError
from charlstm.store import atomic, model_directory
from charlstm.store.checkpoints import Checkpoint, load_checkpoint, write_checkpoint
from charlstm.store.dataset_directory import load_dataset, write_dataset
from charlstm.store.model_directory import load_model, save_model
from charlstm.store.run_file import read_run, write_run
from charlstm.store.runs import name_newest, newest_model

# How a trial ends: what is overcome is a failure that the writer has another way for; what is refused, the writer
# ended by itself, before the operation that was to be interrupted.
INTERRUPTED, OVERCOME, REFUSED, DONE = 77, 78, 79, 0
OPERATIONS = ("open", "mkdir", "replace", "rename", "fsync", "chmod", "unlink", "rmdir", "write", "symlink")
SLOTS = load_file(FIRST_FORMAT / "unfinished" / "checkpoints" / "step-000000000008" / "slots.safetensors")
SHAPES = {name: array.shape for name, array in SLOTS.items()}


@dataclass(frozen=True)
class Writer:
    """A writer under trial.

    Attributes:
        prepare: makes what is there before, in an empty directory.
        write: writes over it, or beside it.
        check: raises unless something good is there; tells whether it is the new one.
    """

    prepare: Callable[[Path], object]
    write: Callable[[Path], object]
    check: Callable[[Path], bool]


def interruptible(stop_at: int, interrupt: Callable[[], None], counted: list[int], only: tuple[str, ...]) -> None:
    """Let this process be interrupted before its file operation number `stop_at`."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            counted[0] += 1
            if counted[0] == stop_at:
                interrupt()
            return function(*args, **kwargs)

        return wrapped

    for name in OPERATIONS:
        if name in only:
            setattr(os, name, wrap(getattr(os, name)))
    # Neither arrays, which their library writes in one call, nor a file object's write and flush go through os.write.
    if "write" in only:
        model_directory.save_file = wrap(model_directory.save_file)
    real_open = io.open

    def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        handle = real_open(file, mode, *args, **kwargs)
        if "r" not in mode and "write" in only:
            return _Interrupted(handle, wrap)
        return handle

    io.open = opened  # type: ignore[assignment]
    builtins.open = opened  # type: ignore[assignment]
    os.fdopen = lambda handle, mode="r", *args, **kwargs: opened(handle, mode, *args, **kwargs)  # type: ignore[assignment]


class _Interrupted:
    """A file whose writing counts as a file operation."""

    def __init__(self, file: Any, wrap: Callable[..., Any]) -> None:
        self._file = file
        self.write = wrap(file.write)
        self.flush = wrap(file.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _Interrupted:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def in_child(work: Callable[[], object]) -> int:
    """Run something in a forked child and return its exit code: DONE, or what it returns."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            returned = work()
            code = returned if isinstance(returned, int) else DONE
        except OSError as problem:
            code = INTERRUPTED if problem.errno in (errno.ENOSPC, errno.EIO) else 98
        except (_Stopped, CharlstmError):
            code = INTERRUPTED
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class _Stopped(BaseException):
    """Ctrl-C, or whatever else can come between two operations."""


def _fail(number: int) -> Callable[[], None]:
    def interrupt() -> None:
        raise OSError(number, os.strerror(number))

    return interrupt


def _stop() -> None:
    raise _Stopped


INTERRUPTS: dict[str, tuple[Callable[[], None], tuple[str, ...]]] = {
    "killed": (lambda: os._exit(INTERRUPTED), OPERATIONS),
    "exception": (_stop, OPERATIONS),
    "input/output error": (_fail(errno.EIO), OPERATIONS),
    "disk full": (_fail(errno.ENOSPC), ("open", "mkdir", "write", "fsync", "replace", "rename", "symlink")),
}


def torture(tally: Tally, name: str, writer: Writer, before: Path, stride: int = 1) -> None:
    """Interrupt one writer before each of its operations, or every so many, in each way."""
    for kind, (interrupt, only) in INTERRUPTS.items():
        number = 1 - stride
        while True:
            number += stride
            scratch = Path(tempfile.mkdtemp(prefix="writers-"))
            place = scratch / "place"
            shutil.copytree(before, place, symlinks=True)

            def work(place: Path = place, stop_at: int = number, interrupt: Any = interrupt, only: Any = only) -> int:
                counted = [0]
                interruptible(stop_at, interrupt, counted, only)
                try:
                    writer.write(place)
                except CharlstmError:
                    return INTERRUPTED if counted[0] >= stop_at else REFUSED
                return DONE if counted[0] < stop_at else OVERCOME

            code = in_child(work)
            label = f"{name}, {kind}"
            tally.count(label)
            if code not in (INTERRUPTED, OVERCOME, DONE):
                tally.find(label, (number, f"exit {code}"))
            try:
                is_new = writer.check(place)
                if code in (OVERCOME, DONE) and not is_new:
                    tally.find(label, (number, "came to its end and nothing is new"))
                left = _leftovers(place)
                # Where even removing fails, what is left is hidden and the next writer's to remove.
                if left and kind == "exception":
                    tally.find(label, (number, "left behind", left))
                if any(not path.name.startswith(".") for path in left):
                    tally.find(label, (number, "half-written", left))
                writer.write(place)
                if not writer.check(place):
                    tally.find(label, (number, "did not come to its end afterwards"))
            except BaseException as problem:
                tally.find(label, (number, type(problem).__name__, str(problem)[:200]))
            shutil.rmtree(scratch)
            if code in (DONE, REFUSED):
                break


def _leftovers(place: Path) -> list[Path]:
    return [path for path in place.rglob("*") if path.suffix in (".tmp", ".old")]


def _text(place: Path, words: str) -> str:
    (place / "text.txt").write_text(words * 30, encoding="utf-8")
    return str(place / "text.txt")


def _dataset(place: Path, words: str, *, overwrite: bool = True) -> None:
    write_dataset([_text(place, words)], CorpusConfig(), place / "set", overwrite=overwrite)


def _is_new_dataset(place: Path) -> bool:
    dataset = load_dataset(place / "set")
    assert dataset.summary["characters"] > 100
    return "w" in dataset.vocabulary.symbols


def _is_new_dataset_or_none(place: Path) -> bool:
    return (place / "set").exists() and _is_new_dataset(place)


def _model(place: Path, factor: float) -> None:
    base = load_model(FIRST_FORMAT / "model")
    weights = {name: array * np.float32(factor) for name, array in base.weights.items()}
    facts = {"training": base.training, "dataset": {}, "lineage": [], "result": {"factor": factor}}
    save_model(place, base.config, base.vocabulary, weights, **facts)  # type: ignore[arg-type]


def _is_new_model(place: Path) -> bool:
    model, base = load_model(place), load_model(FIRST_FORMAT / "model")
    factor = np.float32(model.result["factor"])
    for name, array in base.weights.items():
        assert np.array_equal(model.weights[name], array * factor), "the weights are not those of the config"
    return factor == 2


def _is_new_model_or_none(place: Path) -> bool:
    return (place / "config.json").exists() and _is_new_model(place)


def _checkpoint(place: Path, step: int, value: float, needed: int | None = None) -> None:
    base = load_model(FIRST_FORMAT / "model")
    weights = {name: np.full_like(array, value) for name, array in base.weights.items()}
    write_checkpoint(place, Checkpoint(step, weights, weights, SLOTS, {"value": value}, []), needed)


def _newest_value(place: Path) -> float:
    base = load_model(FIRST_FORMAT / "model")
    found = load_checkpoint(place, lambda _: (base.config, SHAPES), lambda warning: _refuse(warning))
    value = float(found.position["value"])
    assert all((array == np.float32(value)).all() for array in found.weights.values())
    visible = [path for path in (place / "checkpoints").iterdir() if not path.name.startswith(".")]
    assert len(visible) <= 4, visible
    named = (place / "checkpoints" / "LATEST").read_text(encoding="ascii").strip()
    assert (place / "checkpoints" / named).is_dir(), "LATEST names nothing"
    return value


def _refuse(warning: str) -> None:
    raise AssertionError(warning)


def _two_checkpoints(place: Path) -> None:
    for step in (10, 20):
        _checkpoint(place, step, 1.0)


def _nothing(place: Path) -> None:
    """Leave an empty directory."""


# What may be overwritten must look like a result.
RESULT = atomic.RESULTS[0]


def _old_directory(place: Path) -> None:
    (place / "out").mkdir()
    (place / "out" / RESULT).write_text("old", encoding="ascii")


def _new_directory(place: Path) -> None:
    with atomic.new_directory(place / "out", overwrite=True) as directory:
        for name in (RESULT, "other"):
            (directory / name).write_text("new", encoding="ascii")


def _is_new_directory(place: Path) -> bool:
    found = {path.name: path.read_text(encoding="ascii") for path in (place / "out").iterdir()}
    assert found in ({RESULT: "old"}, {RESULT: "new", "other": "new"}), found
    return "other" in found


def _is_new_file(place: Path) -> bool:
    content = (place / "file").read_bytes()
    assert content in (b"old" * 1000, b"new" * 1000)
    return content.startswith(b"new")


def _write_run(place: Path, epochs: int) -> None:
    run = read_run(FIRST_FORMAT / "unfinished")
    write_run(place, type(run)(**{**vars(run), "new_symbols": epochs}))


def _name(place: Path, name: str) -> None:
    os.chdir(place)
    Path("runs", name).mkdir(parents=True, exist_ok=True)
    name_newest(Path("runs", name))


def _is_new_name(place: Path) -> bool:
    os.chdir(place)
    return newest_model().name == "new"


WRITERS = {
    "write_bytes": Writer(
        lambda place: (place / "file").write_bytes(b"old" * 1000),
        lambda place: atomic.write_bytes(place / "file", b"new" * 1000),
        _is_new_file,
    ),
    "new_directory over another": Writer(_old_directory, _new_directory, _is_new_directory),
    "write_dataset": Writer(_nothing, lambda place: _dataset(place, "a new word\n"), _is_new_dataset_or_none),
    "write_dataset over another": Writer(
        lambda place: _dataset(place, "some text\n"), lambda place: _dataset(place, "a new word\n"), _is_new_dataset
    ),
    "save_model": Writer(_nothing, lambda place: _model(place, 2), _is_new_model_or_none),
    "save_model over another": Writer(lambda place: _model(place, 1), lambda place: _model(place, 2), _is_new_model),
    "write_checkpoint": Writer(
        _two_checkpoints, lambda place: _checkpoint(place, 30, 2.0), lambda place: _newest_value(place) == 2
    ),
    "write_checkpoint of the same step": Writer(
        lambda place: _checkpoint(place, 10, 1.0),
        lambda place: _checkpoint(place, 10, 2.0),
        lambda place: _newest_value(place) == 2,
    ),
    "write_run": Writer(
        lambda place: _write_run(place, 1),
        lambda place: _write_run(place, 2),
        lambda place: read_run(place).new_symbols == 2,
    ),
    "name_newest": Writer(lambda place: _name(place, "old"), lambda place: _name(place, "new"), _is_new_name),
}


def full_disk(tally: Tally, source: random.Random, count: int) -> None:
    """Write on a small disk with random amounts of room left, where this process may mount one."""
    disk = Path(tempfile.mkdtemp(prefix="disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        print(f"no small disk: {mounted.stderr.decode(errors='replace').strip()}")
        disk.rmdir()
        return
    try:
        for number in range(count):
            name, writer = list(WRITERS.items())[number % len(WRITERS)]
            place = disk / "place"
            place.mkdir()
            try:
                writer.prepare(place)
                room = source.randrange(4096, 200_000)
                free = shutil.disk_usage(disk).free
                (disk / "filler").write_bytes(bytes(max(0, free - room)))
                tally.count(f"{name}, small disk")
                code = in_child(lambda: writer.write(place))  # type: ignore[misc]  # noqa: B023
                if code not in (INTERRUPTED, DONE):
                    tally.find(f"{name}, small disk", (room, f"exit {code}"))
                is_new = writer.check(place)
                if code == DONE and not is_new:
                    tally.find(f"{name}, small disk", (room, "nothing is new"))
                (disk / "filler").unlink()
                writer.write(place)
                if not writer.check(place):
                    tally.find(f"{name}, small disk", (room, "did not come to its end afterwards"))
            except Exception as problem:
                tally.find(f"{name}, small disk", (type(problem).__name__, str(problem)[:200]))
            os.chdir("/")
            for path in disk.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
    finally:
        os.chdir("/")
        subprocess.run(["umount", str(disk)], check=False)
        disk.rmdir()


def main() -> None:
    """Run all of it."""
    options = arguments(__doc__, 200)
    tally = Tally()
    for name, writer in WRITERS.items():
        with tempfile.TemporaryDirectory() as before:
            writer.prepare(Path(before))
            torture(tally, name, writer, Path(before))
        os.chdir("/")
    full_disk(tally, random.Random(options.random_seed), options.count)
    tally.end()


if __name__ == "__main__":
    main()
