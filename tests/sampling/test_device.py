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
from charlstm.sampling.growing_texts import Prompt
from charlstm.sampling.mixture import mix
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
    generation = device.start_generation(
        mix([load_model(model_path)]), [Prompt(())] * streams, SamplingConfig(length=2), name
    )
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
    for extra in ([], ["--temperature", "0.5,0", "--min-p", "0.01", "--lines", "3", "--words", "9"]):
        outputs = {CliRunner().invoke(main, [*arguments, *extra, "--device", name]).stdout for name in ("cpu", "gpu")}
        assert len(outputs) == 1
        assert "abc" in outputs.pop()


@pytest.mark.parametrize(
    "options",
    [
        ["--repetition-penalty", "1.2"],
        ["--word-start-temperature", "1"],
        ["--beam", "3"],
    ],
)
def test_what_only_the_processor_does_is_refused_on_a_gpu_and_leaves_it_alone_otherwise(
    model_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setattr(device, "has_driver", lambda: True)
    monkeypatch.setattr(device, "find_gpu", lambda: pytest.fail("a GPU was asked for"))
    arguments = ["sample", "-m", str(model_path), "--length", "2", *options]
    result = CliRunner().invoke(main, [*arguments, "--device", "gpu"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert options[0] in result.stderr
    many = [] if options[0] == "--beam" else ["--num-samples", "64"]
    assert CliRunner().invoke(main, [*arguments, *many]).exit_code == 0
