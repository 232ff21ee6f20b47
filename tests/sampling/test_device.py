"""Which of the two generators runs, and what a missing GPU means."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from charlstm.cli.main import main
from charlstm.config import SamplingConfig
from charlstm.sampling import device
from charlstm.sampling.compiled import CompiledGeneration
from charlstm.sampling.generate import Generation
from charlstm.store.model_directory import load_model


@pytest.mark.parametrize(
    ("name", "streams", "driver", "gpu", "chosen"),
    [
        ("auto", 64, True, True, CompiledGeneration),
        ("auto", 63, True, True, Generation),
        ("auto", 64, True, False, Generation),
        ("auto", 64, False, True, Generation),
        ("cpu", 64, True, True, Generation),
        ("gpu", 1, False, True, CompiledGeneration),
    ],
)
def test_the_device_follows_from_the_option_the_samples_and_the_machine(
    model_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: device.Device,
    streams: int,
    driver: bool,
    gpu: bool,
    chosen: type,
) -> None:
    monkeypatch.setattr(device, "has_driver", lambda: driver)
    monkeypatch.setattr(device, "find_gpu", lambda: "/CPU:0" if gpu else None)
    generation = device.start_generation(load_model(model_path), streams, (), SamplingConfig(length=2), name)
    assert type(generation) is chosen
    list(generation)
    assert len(generation.texts) == streams


def test_auto_asks_tensorflow_only_where_there_is_a_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(device, "DRIVER_FILES", (str(tmp_path / "driver"),))
    assert not device.has_driver()
    (tmp_path / "driver").touch()
    assert device.has_driver()


def test_a_gpu_that_is_not_there_is_an_error_of_one_sentence(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda *_: [])
    result = CliRunner().invoke(main, ["sample", "-m", str(model_path), "--device", "gpu"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: TensorFlow sees no GPU")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_the_command_prints_alike_what_either_generator_writes(
    model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "find_gpu", lambda: "/CPU:0")
    arguments = ["sample", "-m", str(model_path), "--seed", "abc", "--length", "20", "--num-samples", "2"]
    for extra in ([], ["--json"]):
        outputs = {CliRunner().invoke(main, [*arguments, *extra, "--device", name]).stdout for name in ("cpu", "gpu")}
        assert len(outputs) == 1
        assert "abc" in outputs.pop()
