from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from charlstm.model.processor import processor_has_bfloat16, processor_is_zen_4

ZEN_4 = "vendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t: 17\nflags\t\t: fpu avx2 avx512f\n"


@pytest.fixture
def cpu_info(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """What writes a file as Linux has it of its processor."""
    monkeypatch.setattr("platform.system", lambda: "Linux")

    def write(text: str) -> Path:
        (tmp_path / "cpuinfo").write_text(text)
        return tmp_path / "cpuinfo"

    return write


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512_bf16 amx\n", True),
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f\n", False),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", True),
        ("", False),
    ],
)
def test_bfloat16_is_found_among_the_processors_flags(cpu_info: Callable[[str], Path], text: str, found: bool) -> None:
    assert processor_has_bfloat16(cpu_info(text)) == found


def test_a_system_that_does_not_say_has_nothing(
    cpu_info: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert not processor_has_bfloat16(tmp_path / "nothing")
    assert not processor_has_bfloat16(tmp_path)  # what cannot be read
    known = cpu_info(ZEN_4)
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert not processor_is_zen_4(known)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ZEN_4, True),
        (f"processor\t: 0\n{ZEN_4}\nprocessor\t: 1\n{ZEN_4}", True),
        (ZEN_4.replace(" avx512f", ""), False),
        (ZEN_4.replace("25", "26"), False),
        (ZEN_4.replace("AuthenticAMD", "GenuineIntel"), False),
        ("", False),
    ],
)
def test_a_zen_4_is_told_from_other_processors(cpu_info: Callable[[str], Path], text: str, found: bool) -> None:
    assert processor_is_zen_4(cpu_info(text)) == found
