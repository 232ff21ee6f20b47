"""What a start costs, how errors leave the program, and what every command must have."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from charlstm.cli.group import visible
from charlstm.cli.main import COMMANDS, main
from charlstm.errors import ModelError


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS), ["sample", "--no-such-option"]]
)
def test_help_and_wrong_usage_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom charlstm.cli.main import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'rich', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imports {heavy}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_tensorflow_looks_for_nothing_that_its_graphs_have_not() -> None:
    code = (
        "from charlstm.model.runtime import start_tensorflow\nstart_tensorflow()\n"
        "import tensorflow as tf\nprint(*tf.config.optimizer.get_experimental_options().items())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "('remapping', False)" in result.stdout
    assert "('arithmetic_optimization', False)" not in result.stdout


def test_tensorflow_works_with_a_thread_an_operation_and_as_many_at_once_as_there_are_cores() -> None:
    code = (
        "import sys\nfrom charlstm.model.runtime import cores, start_tensorflow\nstart_tensorflow()\n"
        "import tensorflow as tf\ntf.zeros(1)\nthreading = tf.config.threading\n"
        "own, beside = threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads()\n"
        "sys.exit(f'{own} {beside}' if (own, beside) != (1, cores()) else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_sampling_imports_no_tensorflow(model_path: Path) -> None:
    code = (
        "import sys\nfrom charlstm.cli.main import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as end: assert not end.code, end.code\n"
        "sys.exit('imports TensorFlow' if 'tensorflow' in sys.modules else 0)"
    )
    arguments = ["sample", "-m", str(model_path), "--seed", "abc", "--length", "5"]
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("abc")


def test_training_imports_no_matplotlib() -> None:
    # Keras has been imported for the tests as it is for a training; it imports Matplotlib here, where it finds it.
    from keras.src.visualization import plot_image_gallery

    assert plot_image_gallery.plt is None


def test_shell_completion_works_without_tensorflow() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "charlstm"],
        env={"_CHARLSTM_COMPLETE": "bash_complete", "COMP_WORDS": "charlstm pre", "COMP_CWORD": "1", "PATH": "/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.split() == ["plain,preprocess", "plain,pretrain"]


def test_a_closed_pipe_ends_quietly(model_path: Path) -> None:
    sampling = subprocess.Popen(
        [sys.executable, "-m", "charlstm", "sample", "-m", str(model_path), "--length", "1000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert sampling.stdout is not None
    assert sampling.stderr is not None
    sampling.stdout.read(100)
    sampling.stdout.close()
    assert sampling.stderr.read() == b""
    sampling.stderr.close()
    assert sampling.wait() == 0


def test_a_pipe_that_is_closed_before_a_table_ends_quietly(model_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    line = [sys.executable, "-m", "charlstm", "info", str(model_path)]
    result = subprocess.run(line, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.skipif(os.name == "nt", reason="no POSIX shell")
@pytest.mark.parametrize(
    ("closed", "arguments"), [("2>&-", ("evaluate", "--show", "ring", "-m")), ("<&- >&- 2>&-", ("info",))]
)
def test_streams_that_are_closed_at_the_start_stop_nothing(
    closed: str, arguments: tuple[str, ...], model_path: Path
) -> None:
    line = shlex.join([sys.executable, "-m", "charlstm", *arguments, str(model_path)])
    result = subprocess.run(["sh", "-c", f"{line} {closed}"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert ("mean of 4 characters" in result.stdout) == ("evaluate" in arguments)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_a_help_text(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.help
    for option in command.params:
        assert isinstance(option, click.Argument) or getattr(option, "help", None), option.name


def boundary(failure: BaseException) -> click.testing.Result:
    @click.command()
    def command() -> None:
        raise failure

    group = main.__class__(modules={}, params=main.params)
    group.get_command = lambda ctx, cmd_name: command  # type: ignore[method-assign] # noqa: ARG005
    return CliRunner().invoke(group, ["anything"])


@pytest.mark.parametrize(
    ("failure", "code", "says"),
    [
        (ModelError("the model is odd"), 5, "the model is odd"),
        (PermissionError(13, "Permission denied", "/x"), 1, "/x: Permission denied"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "not enough memory"),
        (ZeroDivisionError("oh\nno"), 3, "a bug: ZeroDivisionError: oh no"),
        (ModelError("a \x1b[31m sequence"), 5, "\\x1b[31m"),
    ],
)
def test_every_failure_is_one_sentence_and_an_exit_code(
    failure: BaseException, code: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # where the traceback of a bug goes
    result = boundary(failure)
    assert result.exit_code == code
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert says in result.stderr


def test_the_traceback_of_a_bug_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    boundary(ZeroDivisionError("oh"))
    (saved,) = tmp_path.iterdir()
    assert "ZeroDivisionError: oh" in saved.read_text()


def test_control_characters_are_made_visible() -> None:
    assert visible("a\x1b[0m\x07\n\t\x9b\u202e\ud800") == "a\\x1b[0m\\x07\n\t\\x9b\\u202e\\ud800"
    assert visible("caf\u00e9 \u00a0\u2003\u4e2d\U0001f409") == "caf\u00e9 \u00a0\u2003\u4e2d\U0001f409"
