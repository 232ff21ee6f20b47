from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.model.processor import processor_has_bfloat16, processor_is_zen_4

ZEN_4 = "vendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t: 17\nflags\t\t: fpu avx2 avx512f\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512_bf16 amx\n", True),
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f\n", False),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", True),
        ("", False),
    ],
)
def test_bfloat16_is_found_among_the_processors_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, found: bool
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    (tmp_path / "cpuinfo").write_text(text)
    assert processor_has_bfloat16(tmp_path / "cpuinfo") == found
    assert not processor_has_bfloat16(tmp_path / "nothing")


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
def test_a_zen_4_is_told_from_other_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, found: bool
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    (tmp_path / "cpuinfo").write_text(text)
    assert processor_is_zen_4(tmp_path / "cpuinfo") == found
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert not processor_is_zen_4(tmp_path / "cpuinfo")
