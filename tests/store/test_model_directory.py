from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from charlstm.config import ModelConfig
from charlstm.errors import CharlstmError, ModelError
from charlstm.model.weights import initial_weights
from charlstm.store import atomic
from charlstm.store.history import Evaluation, read_history, write_history
from charlstm.store.json_file import sha256
from charlstm.store.model_directory import load_model, save_arrays


def test_a_model_comes_back_as_it_was_saved(model_path: Path) -> None:
    model = load_model(model_path)
    assert model.config == ModelConfig(29, (12, 10), (0.0, 0.0))
    expected = initial_weights(model.config, 7)
    for name, array in model.weights.items():
        np.testing.assert_array_equal(array, 3 * expected[name])
    assert model.vocabulary.symbols[1] == "\n"


def edit_config(path: Path, **changes: object) -> None:
    file = path / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_another_format_version_is_refused(model_path: Path) -> None:
    edit_config(model_path, format_version=2)
    with pytest.raises(ModelError, match="has the format version 2; this charlstm reads 1"):
        load_model(model_path)


def test_an_unknown_key_is_refused(model_path: Path) -> None:
    edit_config(model_path, surprise=1)
    with pytest.raises(ModelError, match="surprise"):
        load_model(model_path)


def test_a_model_that_does_not_fit_its_configuration_is_refused(model_path: Path) -> None:
    config = json.loads((model_path / "config.json").read_text())["model"]
    edit_config(model_path, model={**config, "units": [12, 11]})
    with pytest.raises(ModelError, match="lstm_1/kernel"):
        load_model(model_path)


@pytest.mark.parametrize("keep", [0, 7, 100, 2000])
def test_truncated_weights_are_refused(model_path: Path, keep: int) -> None:
    file = model_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ModelError, match="damaged"):
        load_model(model_path)


def test_weights_that_are_not_finite_are_refused(model_path: Path) -> None:
    file = model_path / "model.safetensors"
    arrays = load_file(file)
    arrays["head/bias"][0] = np.inf
    save_file(arrays, file)
    document = json.loads((model_path / "config.json").read_text())
    edit_config(model_path, sha256={**document["sha256"], file.name: sha256(file)})
    with pytest.raises(ModelError, match="head/bias"):
        load_model(model_path)


def test_weights_so_large_that_nothing_can_be_computed_from_them_are_refused(model_path: Path) -> None:
    file = model_path / "model.safetensors"
    arrays = load_file(file)
    arrays["head/bias"][0] = 3e38
    save_file(arrays, file)
    document = json.loads((model_path / "config.json").read_text())
    edit_config(model_path, sha256={**document["sha256"], file.name: sha256(file)})
    with pytest.raises(ModelError, match="a weight beyond"):
        load_model(model_path)


def test_what_the_system_says_of_arrays_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        save_arrays(tmp_path / "nowhere" / "a.safetensors", {"a": np.zeros(3, np.float32)})
    assert raised.value.filename == str(tmp_path / "nowhere" / "a.safetensors")


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files as Unix does")
def test_arrays_that_find_no_room_leave_nothing(tmp_path: Path) -> None:
    code = (
        "import errno, pathlib, resource, signal, sys, numpy; from charlstm.store.model_directory import save_arrays\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "try: save_arrays(pathlib.Path(sys.argv[1]), {'a': numpy.ones((1024, 1024), numpy.float32)})\n"
        "except OSError as problem: sys.exit(problem.errno != errno.EFBIG)\n"
        "sys.exit('it found room')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.safetensors")], check=True)
    assert list(tmp_path.iterdir()) == []


def test_saved_arrays_are_as_readable_as_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    save_arrays(tmp_path / "a.safetensors", {"a": np.zeros(3, np.float32)})
    assert (tmp_path / "a.safetensors").stat().st_mode == (tmp_path / "any").stat().st_mode


@pytest.mark.skipif(sys.platform != "linux", reason="reads the highest memory of a process from /proc")
def test_arrays_are_saved_without_a_copy_of_them_in_memory(tmp_path: Path) -> None:
    # The highest memory of a process never falls, so it is one of its own.
    code = (
        "import pathlib, sys, numpy; from charlstm.store.model_directory import save_arrays;"
        "arrays = {str(i): numpy.ones((1024, 4096), numpy.float32) for i in range(4)};"
        "status = pathlib.Path('/proc/self/status');"
        "highest = lambda: int(status.read_text().split('VmHWM:')[1].split()[0]); before = highest();"
        "save_arrays(pathlib.Path(sys.argv[1]), arrays);"
        "print(highest() / before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.safetensors")], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 1.2
    assert load_file(tmp_path / "a.safetensors")["3"].sum() == 1024 * 4096


def test_a_link_is_refused(model_path: Path, tmp_path: Path) -> None:
    file = model_path / "model.safetensors"
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="regular file"):
        load_model(model_path)


@pytest.mark.parametrize("content", ["", "[]", '{"a": NaN}', "{" * 100, '{"a": 1e999}', "\ufeff{}"])
def test_a_config_that_is_no_plain_json_object_is_refused(model_path: Path, content: str) -> None:
    (model_path / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json"):
        load_model(model_path)


def test_history_reads_back_the_same(tmp_path: Path) -> None:
    rows = [Evaluation(1, 0.1, 100, 1.5, 1 / 3, 2.0, float("nan")), Evaluation(2, 0.2, 200, 3.0, 1e-9, 1.0, 1.25)]
    write_history(tmp_path / "history.csv", rows)
    assert repr(read_history(tmp_path / "history.csv")) == repr(rows)
    (tmp_path / "history.csv").write_text("step\nx\n")
    with pytest.raises(ModelError, match="columns"):
        read_history(tmp_path / "history.csv")


def test_a_new_directory_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic.new_directory(tmp_path / "out") as directory:
        (directory / "file").write_text("half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with atomic.new_directory(tmp_path / "out") as directory:
        (directory / "file").write_text("whole")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out" / "file").read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_existing_directory_is_replaced_only_on_demand_and_kept_on_failure(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "config.json").touch()
    with pytest.raises(CharlstmError, match="exists already"), atomic.new_directory(out):
        pass
    with pytest.raises(ZeroDivisionError), atomic.new_directory(out, overwrite=True):
        raise ZeroDivisionError
    assert (out / "config.json").exists()
    with atomic.new_directory(out, overwrite=True) as directory:
        (directory / "new").touch()
    assert [path.name for path in out.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_directory_of_something_else_is_never_replaced(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "summer.jpg").touch()
    with pytest.raises(CharlstmError, match="holds no result"), atomic.new_directory(photos, overwrite=True):
        pass
    assert (photos / "summer.jpg").exists()


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        atomic.write_bytes(file, b"new")
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
