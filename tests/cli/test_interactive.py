"""sample --interactive through a real pseudo-terminal: keys go in, what the screen shows comes out."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from rich.screen import Screen

from charlstm.cli.keys import Keyboard
from charlstm.cli.main import main
from charlstm.cli.pasting import Pasted
from charlstm.cli.writing_screen import rows_shown, screen, wrap
from charlstm.config import SamplingConfig
from charlstm.sampling.draft import Draft
from charlstm.sampling.mixture import mix
from charlstm.store.model_directory import load_model

pty = pytest.importorskip("pty")
termios = pytest.importorskip("termios")

LONGEST_SECONDS = 60
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A program at a pseudo-terminal, and everything that it wrote there."""

    def __init__(self, arguments: list[str], folder: Path, width: int = 100, height: int = 24) -> None:
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (height, width))
        self.before = termios.tcgetattr(slave)
        self._slave = slave
        self.process = subprocess.Popen(
            [sys.executable, "-m", "charlstm", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env=os.environ | {"TERM": "xterm-256color", "PYTHONUTF8": "1"},
            start_new_session=True,
        )
        self.recorded = ""

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def shows(self, wanted: str, settled_seconds: float = 0.1) -> str:
        """Wait until a text is on the screen, record what was written, and return the screen as text."""
        written = ""
        end = time.monotonic() + LONGEST_SECONDS
        while wanted not in plain(written):
            assert time.monotonic() < end, f"{wanted!r} never came: {plain(written)[-3000:]}"
            arrived = self.receive()
            assert arrived, f"{wanted!r} did not come before the end: {plain(written)[-3000:]}"
            written += arrived
        # Until the rest of this screen is there.
        while select.select([self.master], [], [], settled_seconds)[0] and (arrived := self.receive()):
            written += arrived
        self.recorded += written
        return plain(written.rpartition("\x1b[H")[2])

    def shows_other_than(self, count: int) -> str:
        """Wait until the text has another number of characters, and return the screen."""
        while characters(shown := self.shows("characters")) == count:
            pass
        return shown

    def receive(self) -> str:
        if not select.select([self.master], [], [], LONGEST_SECONDS)[0]:
            return ""
        try:
            return os.read(self.master, 65536).decode("utf-8", "replace")
        except OSError:  # how Linux says that the other end is closed
            return ""

    def ends(self) -> tuple[str, int]:
        """Wait for the end, and return what came after the screen that was there before, and the exit code."""
        written = ""
        end = time.monotonic() + LONGEST_SECONDS
        while self.process.poll() is None or select.select([self.master], [], [], 0.1)[0]:
            assert time.monotonic() < end, f"no end: {plain(written)[-3000:]}"
            if select.select([self.master], [], [], 0.1)[0]:
                written += self.receive()
        self.recorded += written
        return plain(written.rpartition("\x1b[?1049l")[2]), self.process.returncode

    def hang_up(self) -> None:
        """Close the terminal, as a window is closed."""
        os.close(self.master)
        os.close(self._slave)
        self.master = self._slave = -1

    def settings(self) -> list[object]:
        return termios.tcgetattr(self._slave)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.master >= 0:
            self.hang_up()


def plain(written: str) -> str:
    return CONTROL.sub("", written)


@pytest.fixture
def terminal(model_path: Path, tmp_path: Path) -> Iterator[Terminal]:
    program = Terminal(["sample", "-m", str(model_path), "--interactive", "--seed", "the ", "--out", "a.txt"], tmp_path)
    with contextlib.closing(program):
        yield program


@pytest.fixture
def draft(model_path: Path) -> Draft:
    return Draft(mix([load_model(model_path)]), SamplingConfig())


def characters(shown: str) -> int:
    found = re.search(r"([\d,]+) characters", shown)
    assert found is not None
    return int(found.group(1))


def test_a_session_from_the_first_key_to_the_last(terminal: Terminal, tmp_path: Path) -> None:
    begin = terminal.shows("4 characters")
    assert "the " in begin
    assert "temperature 0.7" in begin
    assert len(re.findall(r"\d\.\d%", begin)) >= 5
    assert "line end" in begin or "space" in begin

    # Type: what is likely next is another.
    terminal.press("king")
    typed = terminal.shows("8 characters")
    assert "the king" in typed
    assert re.findall(r"\S+ +\d+\.\d%", typed) != re.findall(r"\S+ +\d+\.\d%", begin)

    # Accept a character, a word, a line; each makes the text longer, and undo brings back what was.
    terminal.press("\x1b[C")
    assert characters(terminal.shows("9 characters")) == 9
    terminal.press("\x1a")
    assert "the king" in terminal.shows("8 characters")
    terminal.press("\t")
    after_word = characters(terminal.shows_other_than(8))
    assert after_word > 8
    terminal.press("\x05")
    assert characters(terminal.shows_other_than(after_word)) > after_word
    terminal.press("\x1a\x1a")
    assert "the king" in terminal.shows(" 8 characters")
    terminal.press("s\x7f")
    assert "the king" in terminal.shows(" 8 characters")

    # At temperature 0 one symbol has it all.
    terminal.press("\x1b[B" * 7)
    assert "100.0%" in terminal.shows("temperature 0.0")
    terminal.press("\x1b[A")
    terminal.shows("temperature 0.1")

    # What the model cannot read is said, and nothing changes.
    terminal.press("\N{SNOWMAN}")
    assert "8 characters" in terminal.shows("does not know")

    terminal.press("\x13")
    terminal.shows("saved in a.txt")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "the king\n"

    terminal.press("\x11")
    rest = ""
    while arrived := terminal.receive():
        rest += arrived
        if "the king" in plain(rest.rpartition("\x1b[?1049l")[2]):
            break
    # The screen that was there before comes back, with the text on it.
    assert "\x1b[?1049h" in terminal.recorded
    assert plain(rest.rpartition("\x1b[?1049l")[2]).strip() == "the king"
    assert terminal.process.wait(LONGEST_SECONDS) == 0
    assert terminal.settings() == terminal.before


def test_the_model_goes_on_until_a_key_is_pressed(terminal: Terminal) -> None:
    terminal.shows("4 characters")
    terminal.press("\x07")
    terminal.shows("any key stops", settled_seconds=0)
    terminal.press("q")
    while "any key stops" in (shown := terminal.shows("characters")):
        pass
    written = characters(shown)
    assert 4 < written < 504
    # The key that stops it is not typed.
    terminal.press("x")
    assert characters(terminal.shows_other_than(written)) == written + 1
    terminal.press("\x03")
    assert terminal.process.wait(LONGEST_SECONDS) == 0


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        ("a\x1b[Cb", ["a", "right", "b"]),
        ("\x1b[1;5C\x1b[Fz", ["", "end", "z"]),
        ("\x1bOA\r\t\x7f\x08", ["up", "enter", "tab", "backspace", "backspace"]),
        ("\x13\x1a\N{SNOWMAN}", ["ctrl-s", "ctrl-z", "\N{SNOWMAN}"]),
        ("\x01a", ["", "a"]),
        ("\x1bx\x1b\x1b[Cy\x1b\rz", ["", "", "y", "", "z"]),  # with Alt
        ("a\x1b[200~\tb\x1b\x13\r\nc\rd\x1b[201~\t", ["a", Pasted("\tb\x1b\x13\nc\nd"), "tab"]),
        ("\x1b[200~\x1b[201~\x1b[200~\x1b[20\x1b[201~", [Pasted(""), Pasted("\x1b[20")]),
    ],
)
def test_keys_have_names(sent: str, keys: list[str | Pasted]) -> None:
    reader, writer = os.pipe()
    os.write(writer, sent.encode())
    pressed = Keyboard(reader)
    assert [pressed.next() for _ in keys] == keys
    assert not pressed.waits()
    os.write(writer, b"\x1b")
    assert pressed.next() == "escape"
    os.close(writer)
    assert pressed.waits()
    assert pressed.next() == "closed"
    os.close(reader)


@pytest.fixture
def pipe() -> Iterator[tuple[Keyboard, int]]:
    reader, writer = os.pipe()
    yield Keyboard(reader), writer
    os.close(reader)
    with contextlib.suppress(OSError):
        os.close(writer)


def test_what_is_pasted_is_waited_for_in_pieces(pipe: tuple[Keyboard, int], monkeypatch: pytest.MonkeyPatch) -> None:
    pressed, writer = pipe
    os.write(writer, b"\x1b[20")
    assert pressed.waits()
    os.write(writer, b"0~one ")
    assert pressed.next() == ""
    for piece in (b"two\x1b[2", b"01", b"~x"):
        assert not pressed.waits()
        os.write(writer, piece)
    assert pressed.waits(1)
    assert [pressed.next(), pressed.next()] == [Pasted("one two"), "x"]
    # Where its end never comes, neither silence nor a closed terminal keeps it.
    os.write(writer, b"\x1b[200~three\x1b[2")
    assert not pressed.waits(0.1)
    monkeypatch.setattr("charlstm.cli.keys.PASTE_SECONDS", 0.05)
    assert pressed.waits(0.1)
    assert pressed.next() == Pasted("three\x1b[2")
    os.write(writer, b"\x1b[200~four")
    os.close(writer)
    assert pressed.waits(1)
    assert [pressed.next(), pressed.next()] == [Pasted("four"), "closed"]


def test_only_so_much_is_pasted(pipe: tuple[Keyboard, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charlstm.cli.pasting.LONGEST_PASTE", 7)
    pressed, writer = pipe
    for piece in (b"\x1b[200~abc", b"defghijkl", b"mnop\x1b[201~q"):
        os.write(writer, piece)
        pressed.waits()
    assert [pressed.next(), pressed.next()] == [Pasted("abcdefg"), "q"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_with_the_text_saved(terminal: Terminal, tmp_path: Path, number: signal.Signals) -> None:
    terminal.shows("4 characters")
    if number == signal.SIGTERM:  # while the model goes on
        terminal.press("\x07")
        terminal.shows("any key stops", settled_seconds=0)
    os.kill(terminal.process.pid, number)
    if number == signal.SIGHUP:  # a closed terminal sends another, which does not join the first
        time.sleep(0.05)
        os.kill(terminal.process.pid, number)
    rest, code = terminal.ends()
    assert code == (130 if number == signal.SIGINT else 143)
    saved = (tmp_path / "a.txt").read_text(encoding="utf-8")
    assert saved.startswith("the ")
    assert rest.replace("\r", "").split("Error: ")[0].rstrip("\n") == saved.rstrip("\n")
    assert rest.endswith("Error: stopped; the text is in a.txt\r\n")
    assert terminal.settings() == terminal.before
    assert terminal.recorded.count("\x1b[?2004h") == terminal.recorded.count("\x1b[?2004l") == 1


def test_a_signal_without_any_text_saves_none(model_path: Path, tmp_path: Path) -> None:
    with contextlib.closing(Terminal(["sample", "-m", str(model_path), "--interactive"], tmp_path)) as program:
        program.shows(" 0 characters")
        os.kill(program.process.pid, signal.SIGTERM)
        rest, code = program.ends()
    assert code == 143
    assert "no text" in rest
    assert not list(tmp_path.glob("*.txt"))


def test_a_closed_terminal_ends_it_with_the_text_saved(model_path: Path, tmp_path: Path) -> None:
    (tmp_path / "text-1.txt").write_text("another\n")
    arguments = ["sample", "-m", str(model_path), "--interactive", "--seed", "the "]
    with contextlib.closing(Terminal(arguments, tmp_path)) as program:
        program.press("king")
        program.shows(" 8 characters")
        program.hang_up()
        assert program.process.wait(LONGEST_SECONDS) == 143
    assert (tmp_path / "text-1.txt").read_text() == "another\n"
    assert (tmp_path / "text-2.txt").read_text() == "the king\n"


def test_leaving_by_a_key_saves_nothing(terminal: Terminal, tmp_path: Path) -> None:
    terminal.shows("4 characters")
    terminal.press("\x04")
    rest, code = terminal.ends()
    assert (rest.strip(), code) == ("the", 0)
    assert not (tmp_path / "a.txt").exists()


def test_pasted_text_is_typed_and_alt_with_a_letter_is_not(terminal: Terminal) -> None:
    terminal.shows("4 characters")
    assert "\x1b[?2004h" in terminal.recorded
    terminal.press("\x1bx")
    terminal.press("\x1b[200~king\r\nrode\tby\x1b\x11\x1b[201~")
    shown = terminal.shows(" 16 characters")
    assert "the king " in shown
    assert "rode by" in shown
    terminal.press("\x1a")
    terminal.shows(" 4 characters")
    terminal.press("\x1b")
    assert terminal.ends()[1] == 0
    assert "\x1b[?2004l" in terminal.recorded


def test_symbols_that_are_left_out_of_a_seed_and_of_pasted_text_are_told(model_path: Path, tmp_path: Path) -> None:
    arguments = ["sample", "-m", str(model_path), "--interactive", "--seed", "the\N{CJK UNIFIED IDEOGRAPH-6771} "]
    with contextlib.closing(Terminal(arguments, tmp_path)) as program:
        program.shows("4 characters")
        assert "skipped: '\N{CJK UNIFIED IDEOGRAPH-6771}'" in program.recorded
        program.press("\x1b[200~ki\N{SNOWMAN}ng\x1b[201~")
        assert " 8 characters" in program.shows("unknown, left out: '\N{SNOWMAN}'")


def test_a_missing_folder_is_made_when_saving(model_path: Path, tmp_path: Path) -> None:
    arguments = ["sample", "-m", str(model_path), "--interactive", "--seed", "the ", "-o", "new/er/a.txt"]
    with contextlib.closing(Terminal(arguments, tmp_path)) as program:
        program.shows("4 characters")
        program.press("\x13")
        program.shows("saved in new/er/a.txt")
    assert (tmp_path / "new/er/a.txt").read_text() == "the \n"


@pytest.mark.parametrize(
    ("width", "height", "has_keys", "has_likeliest"),
    [
        (100, 24, True, True),
        (80, 24, True, True),
        (60, 24, True, True),
        (59, 24, True, False),
        (50, 10, True, False),
        (60, 7, False, True),
        (80, 6, False, True),
        (30, 24, True, False),
        (20, 4, False, False),
        (9, 24, False, False),
        (80, 1, False, False),
    ],
)
def test_each_window_shows_where_one_writes(
    draft: Draft, width: int, height: int, has_keys: bool, has_likeliest: bool
) -> None:
    console = Console(width=width, height=height, force_terminal=True, color_system="standard", _environ={})
    for text in ("the king", "\n" * 50, "the " * 400 + "king", "a" * 500):
        draft.type(text)
        draft.suggest()
        rendered = console.render_lines(Screen(screen(draft, "", console)), console.options)
        lines = ["".join(part.text for part in line) for line in rendered]
        reversed_ = [
            (number, "".join(part.text for part in line if not (part.style and part.style.reverse)).strip("│ "))
            for number, line in enumerate(rendered)
            if any(part.style and part.style.reverse for part in line)
        ]
        assert len(lines) == height
        assert len(reversed_) == 1, lines  # the cursor
        assert any(text.split("\n")[-1][-4:] in line for line in lines) or width < 10 or height == 1
        whole = "\n".join(lines)
        assert ("^Q leave" in whole) == ("^Z undo" in whole) == has_keys or width < 10
        assert ("likely next" in whole) == has_likeliest


def test_lines_end_after_a_space_and_leave_nothing_out() -> None:
    def lines(text: str, width: int) -> list[str]:
        return [text[start:end] for start, end in wrap(text, width)]

    assert lines("the king rode", 9) == ["the king ", "rode"]
    assert lines("the king rode", 8) == ["the ", "king ", "rode"]
    assert lines("abcdefgh\n\nij", 3) == ["abc", "def", "gh", "", "ij"]
    assert lines("abc ", 3) == ["abc", " "]
    assert lines("字" * 3, 5) == ["字" * 2, "字"]
    assert lines("字a", 1) == ["字", "a"]
    assert lines("", 3) == [""]


def test_the_suggestion_gives_way_to_the_text() -> None:
    assert rows_shown(2, cursor=0, rows=3) == range(2)
    assert rows_shown(6, cursor=2, rows=3) == range(3)
    assert rows_shown(6, cursor=3, rows=3) == range(1, 4)
    assert rows_shown(30, cursor=27, rows=19) == range(11, 30)
    assert rows_shown(30, cursor=0, rows=1) == range(1)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "needs a terminal"),
        (["--json"], "leave out --json"),
        (["--seeds", "x"], "leave out --seeds"),
        (["--num-samples", "2"], "leave out --num-samples"),
        (["--seed", "-"], "the keyboard"),
        (["--temperature", "0.5,1.2"], "--temperature 0.5,1.2"),
    ],
)
def test_where_nobody_can_write_it_says_so(model_path: Path, options: list[str], sentence: str) -> None:
    result = CliRunner().invoke(main, ["sample", "-m", str(model_path), "--interactive", *options])
    assert result.exit_code == 2
    assert sentence in result.stderr
