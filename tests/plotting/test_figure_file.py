from __future__ import annotations

import os
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zlib
from pathlib import Path

import matplotlib
import pytest
from matplotlib.figure import Figure

from charlstm.errors import CharlstmError, OptionError
from charlstm.plotting.figure_file import write_figure, write_figures
from charlstm.plotting.learning_curves import figure_of
from charlstm.plotting.style import WIDTH, new_figure
from charlstm.store.history import Evaluation

HISTORIES = {"poet": [Evaluation(n, n, n * 500, 1.0, 1e-3, 3.0 - n / 9, 2.9 - n / 9) for n in (1, 2, 3)]}


def empty() -> Figure:
    return new_figure(2.0)


def test_a_png_file_is_whole_and_has_300_dots_an_inch(tmp_path: Path) -> None:
    write_figure(figure_of(HISTORIES), tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, dots_a_metre, position = 0, 0, 8
    while position < len(content):
        length, kind = struct.unpack(">I4s", content[position : position + 8])
        chunk = content[position + 8 : position + 8 + length]
        assert zlib.crc32(kind + chunk) == struct.unpack(">I", content[position + 8 + length :][:4])[0]
        width = struct.unpack(">I", chunk[:4])[0] if kind == b"IHDR" else width
        dots_a_metre = struct.unpack(">I", chunk[:4])[0] if kind == b"pHYs" else dots_a_metre
        position += 12 + length
    assert kind == b"IEND"
    assert width == WIDTH * 300
    assert dots_a_metre == round(300 / 0.0254)


def test_an_svg_file_is_well_formed(tmp_path: Path) -> None:
    write_figure(figure_of({"<a&b>": HISTORIES["poet"]}), tmp_path / "a.SVG")
    root = ElementTree.parse(tmp_path / "a.SVG").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert b"<dc:date>" not in (tmp_path / "a.SVG").read_bytes()


def test_the_same_figure_gives_the_same_bytes_in_another_process_whatever_its_settings(tmp_path: Path) -> None:
    code = (
        "import matplotlib, sys\nfrom pathlib import Path\nfrom charlstm.plotting.figure_file import write_figure\n"
        "from charlstm.plotting.learning_curves import figure_of\n"
        "from charlstm.store.history import Evaluation\n"
        "matplotlib.rcParams.update({'font.size': 20, 'axes.facecolor': 'red', 'svg.hashsalt': None})\n"
        "for name in ('b.png', 'b.svg'): "
        f"write_figure(figure_of({HISTORIES!r}), Path({str(tmp_path)!r}) / name)\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1"})
    for suffix in (".png", ".svg"):
        write_figure(figure_of(HISTORIES), tmp_path / f"a{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_drawing_changes_no_setting(tmp_path: Path) -> None:
    with matplotlib.rc_context({"font.size": 7.5}):
        before = matplotlib.rcParams.copy()
        write_figure(figure_of(HISTORIES), tmp_path / "a.png")
        changed = {name for name, value in matplotlib.rcParams.items() if value != before[name]}
    assert changed <= {"backend"}  # which is found out when it is read


def test_matplotlib_is_not_imported_before_a_figure_is_drawn() -> None:
    code = (
        "import sys\nfrom charlstm.plotting import figure_file, learning_curves, style, subject, terminal\n"
        "sys.exit('matplotlib' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    for name in ("a.pdf", "a", "png", "a.png.gz"):
        with pytest.raises(OptionError, match=r"png or \.svg"):
            write_figure(empty(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_failed_writing_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OSError, match=r"a\.png"):
        write_figure(empty(), tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_several_figures_add_their_names_and_replace_files_only_if_told_to(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "sweep.svg"
    files = [tmp_path / "deep" / "sweep-a.svg", tmp_path / "deep" / "sweep-b.svg"]
    assert write_figures({"a": empty, "b": empty}, out, overwrite=False) == files
    assert all(path.is_file() for path in files)
    files[0].unlink()
    files[1].write_text("mine")
    with pytest.raises(CharlstmError, match=r"sweep-b\.svg exists already"):
        write_figures({"a": empty, "b": empty}, out, overwrite=False)
    assert not files[0].exists()
    assert files[1].read_text() == "mine"
    write_figures({"a": empty, "b": empty}, out, overwrite=True)
    assert files[1].read_text().startswith("<?xml")


def test_a_directory_or_a_link_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    (tmp_path / "b.png").symlink_to("nothing")
    for name in ("a.png", "b.png"):
        with pytest.raises(CharlstmError, match="is not a file"):
            write_figures({"a": empty}, tmp_path / name, overwrite=True)


def test_without_out_figures_go_to_a_new_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert write_figures({"a": empty}, None, overwrite=False) == [Path("runs/plot-1/a.png")]
    assert write_figures({"a": empty, "b": empty}, None, overwrite=False)[1] == Path("runs/plot-2/b.png")
    assert len(list(Path("runs").rglob("*.png"))) == 3
