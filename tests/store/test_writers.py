"""Writers that are interrupted, and what is left of them."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import writers
from click.testing import CliRunner
from harness import FIRST_FORMAT

from charlstm.cli.main import main
from charlstm.errors import CharlstmError
from charlstm.store import atomic
from charlstm.store.lock import LockedError, locked
from charlstm.store.model_directory import CONFIG, NEXT_CONFIG, WEIGHTS, load_model
from charlstm.training import frozen


@pytest.mark.parametrize("name", ["new_directory over another", "save_model over another", "write_checkpoint"])
def test_a_writer_killed_at_its_file_operations_leaves_what_was_good(name: str, tmp_path: Path) -> None:
    # A process of its own: the trials are forked, which a process with TensorFlow in it had better not be.
    code = (
        "import sys, pathlib, writers; from harness import Tally; tally = Tally(); name = sys.argv[1];"
        "writers.INTERRUPTS = {kind: writers.INTERRUPTS[kind] for kind in ('killed', 'disk full')};"
        "writer = writers.WRITERS[name]; before = pathlib.Path(sys.argv[2]); writer.prepare(before);"
        "writers.torture(tally, name, writer, before, stride=4); tally.end()"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(writers.__file__).parent)}
    arguments = [sys.executable, "-c", code, name, str(tmp_path)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_model_being_replaced_opens_as_the_old_or_the_new_one(tmp_path: Path) -> None:
    writers._model(tmp_path, 1)
    old = (tmp_path / CONFIG).read_bytes()
    writers._model(tmp_path, 2)
    # As it stands when the weights are in place and config.json is not.
    (tmp_path / CONFIG).rename(tmp_path / NEXT_CONFIG)
    (tmp_path / CONFIG).write_bytes(old)
    assert load_model(tmp_path).result == {"factor": 2}
    # As it stands when of a third model only its config.json was written.
    other = json.loads((tmp_path / NEXT_CONFIG).read_text())
    other["sha256"][WEIGHTS], other["result"] = "0" * 64, {"factor": 3}
    (tmp_path / NEXT_CONFIG).rename(tmp_path / CONFIG)
    (tmp_path / NEXT_CONFIG).write_text(json.dumps(other))
    assert load_model(tmp_path).result == {"factor": 2}


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_directory_is_replaced_with_and_without_an_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    writers._old_directory(tmp_path)
    writers._new_directory(tmp_path)
    assert writers._is_new_directory(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_files_are_as_readable_as_others_and_the_umask_of_other_threads_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "usual").touch()
    monkeypatch.setattr("os.umask", lambda _: pytest.fail("it was set"))
    with atomic.new_directory(tmp_path / "out") as directory:
        atomic.write_bytes(directory / "file", b"")
    assert (tmp_path / "out/file").stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o777 & ~atomic._UMASK


def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".step-1.x.tmp").mkdir()
    (tmp_path / ".step-1.x.tmp" / "file").touch()
    (tmp_path / ".config.json.x.tmp").touch()
    (tmp_path / ".lock").touch()
    (tmp_path / "text.tmp").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / ".link.tmp").symlink_to(tmp_path / "other")
    atomic.remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "other", "text.tmp"]
    atomic.remove_leftovers(tmp_path / "nothing")


def test_of_two_that_make_one_directory_the_second_is_refused_at_once(tmp_path: Path) -> None:
    with atomic.new_directory(tmp_path / "out") as first:
        with pytest.raises(LockedError, match="another process is making"), atomic.new_directory(tmp_path / "out"):
            pytest.fail("it was let in")
        # Not for another that only has a similar name.
        with atomic.new_directory(tmp_path / "out.12345678"):
            pass
        (first / "file").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.12345678"]
    assert (tmp_path / "out" / "file").exists()


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(*_: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", unable)
    says = f"{re.escape(str(tmp_path))} cannot be locked .* another file system"
    with pytest.raises(CharlstmError, match=says), locked(tmp_path):
        pytest.fail("it was let in")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_flushes_no_directories_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    fsync = os.fsync

    def unable(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(handle)

    monkeypatch.setattr("os.fsync", unable)
    writers._new_directory(tmp_path)
    assert writers._is_new_directory(tmp_path)


def test_what_a_killed_process_was_making_is_removed_by_the_next(tmp_path: Path) -> None:
    for name in (".out.abcd_123.tmp", ".out.b.abcd_123.tmp", ".outer.abcd_123.tmp"):
        (tmp_path / name / "within").mkdir(parents=True)
    with atomic.new_directory(tmp_path / "out"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.b.abcd_123.tmp", ".outer.abcd_123.tmp", "out"]


def test_what_a_killed_process_had_moved_aside_is_brought_back_by_the_next(tmp_path: Path) -> None:
    writers._old_directory(tmp_path)
    (tmp_path / ".out.abcd_123.tmp").mkdir()
    (tmp_path / ".out.abcd_124.old").mkdir()
    (tmp_path / "out").rename(tmp_path / ".out.abcd_124.old" / "old")
    with pytest.raises(CharlstmError, match="exists already"), atomic.new_directory(tmp_path / "out"):
        pytest.fail("it was replaced")
    assert not writers._is_new_directory(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    # Killed after the new one was there, it had but to remove the old one.
    (tmp_path / ".out.abcd_124.old" / "old").mkdir(parents=True)
    with pytest.raises(CharlstmError, match="exists already"), atomic.new_directory(tmp_path / "out"):
        pytest.fail("it was replaced")
    assert not writers._is_new_directory(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_checkpoint_that_lost_its_manifest_is_written_anew(tmp_path: Path) -> None:
    writers._checkpoint(tmp_path, 10, 1.0)
    (tmp_path / "checkpoints" / "step-000000000010" / "manifest.json").unlink()
    writers._checkpoint(tmp_path, 10, 2.0)
    assert writers._newest_value(tmp_path) == 2


def test_a_newer_checkpoint_that_was_passed_over_is_removed_and_the_last_two_good_ones_stay(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        writers._checkpoint(tmp_path, step, float(step))
    (tmp_path / "checkpoints" / "step-000000000030" / "current.safetensors").write_bytes(b"damaged")
    writers._checkpoint(tmp_path, 25, 25.0)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        "LATEST",
        "step-000000000020",
        "step-000000000025",
    ]


def test_a_checkpoint_that_is_needed_stays_beside_the_last_two(tmp_path: Path) -> None:
    for step in (10, 20, 30, 40):
        writers._checkpoint(tmp_path, step, float(step), needed=10)
    names = sorted(path.name for path in (tmp_path / "checkpoints").glob("step-*"))
    assert names == ["step-000000000010", "step-000000000030", "step-000000000040"]
    writers._checkpoint(tmp_path, 50, 50.0, needed=50)
    names = sorted(path.name for path in (tmp_path / "checkpoints").glob("step-*"))
    assert names == ["step-000000000040", "step-000000000050"]


def test_a_directory_that_came_to_be_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(CharlstmError, match="exists already"), atomic.new_directory(tmp_path / "out"):
        (tmp_path / "out" / "of another").mkdir(parents=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "of another"]


def test_a_full_disk_is_said_with_the_file_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("the king rode over\n" * 20)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    result = CliRunner().invoke(main, ["preprocess", "text.txt", "-o", "set"])
    assert result.exit_code == 1
    assert "vocabulary.json: No space left on device: free some space, or choose another --out" in result.stderr
    assert os.listdir() == ["text.txt"]


def test_room_for_outputs_of_frozen_layers_is_taken_before_they_are_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int, start: int, size: int) -> None:
        assert (start, size) == (0, 4 * 100 * 3)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Stub:
        config = load_model(FIRST_FORMAT / "model").config

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(CharlstmError, match=r"No space left on device: .* begin again with --frozen-cache-gb 0"):
        frozen.frozen_outputs(Stub(), np.zeros(100, np.uint8), 1, tmp_path, lambda: None)  # type: ignore[arg-type]
