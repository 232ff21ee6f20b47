from __future__ import annotations

import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.config import Normalize
from charlstm.data import normalization
from charlstm.data.normalization import composes_with_none_before, normalize_blocks, normalize_text

FORMS: list[Literal["nfc", "nfkc"]] = ["nfc", "nfkc"]
# Letters with marks that compose, reorder and stand alone; Hangul parts; ligatures; capitals that end words.
TRICKY = st.text(
    "aeE\u0301\u0323\u0308 \n\0\u00e9\u212b\ufb01\u1100\u1161\u11a8\uac00\uff76\uff9e\u03a3\u0130\U0001f600"
)


@given(st.lists(TRICKY), st.sampled_from(FORMS), st.booleans())
def test_blocks_of_any_size_give_the_same_text(blocks: list[str], form: Normalize, lowercase: bool) -> None:
    whole = normalize_text("".join(blocks), form, lowercase=lowercase)
    assert "".join(normalize_blocks(blocks, form, lowercase=lowercase)) == whole


@given(TRICKY, st.sampled_from(FORMS))
def test_the_fast_way_gives_what_unicodedata_gives(text: str, form: Literal["nfc", "nfkc"]) -> None:
    long_text = "plain words " * 20_000 + text + " more words" * 20_000
    expected = unicodedata.normalize("NFC" if form == "nfc" else "NFKC", long_text)
    assert normalize_text(long_text, form, lowercase=False) == expected


def test_a_line_without_white_space_is_cut_where_nothing_composes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normalization, "_LONGEST_CARRY", 10)
    text = "\u1100\u1161\u11a8e\u0301\u0323\u5b57\u304b\u3099" * 50
    blocks = list(
        normalize_blocks([text[start : start + 7] for start in range(0, len(text), 7)], "nfc", lowercase=False)
    )
    assert "".join(blocks) == unicodedata.normalize("NFC", text)
    assert len(blocks) > 10


def test_every_character_before_which_text_is_cut_composes_with_none() -> None:
    starts = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    seconds = {
        decomposed[1]
        for character in starts
        if len(decomposed := unicodedata.normalize("NFD", character)) == 2
        and unicodedata.normalize("NFC", decomposed) == character
    }
    assert len(seconds) > 50
    assert not [character for character in seconds if composes_with_none_before(character)]


def test_folding_to_ascii() -> None:
    folded = normalize_text("“Ça—va?” naïve Æsir ﬁn ½", "ascii", lowercase=False)
    assert folded == '"Ca--va?" naive AEsir fin 1/2'
    assert normalize_text("字", "ascii", lowercase=False) == "字"


def test_lower_case_and_none() -> None:
    assert normalize_text("ÀB", "nfc", lowercase=True) == "àb"
    assert "".join(normalize_blocks(["e\u0301"], "none", lowercase=False)) == "e\u0301"
    assert "".join(normalize_blocks(["e\u0301"], "nfc", lowercase=False)) == "\u00e9"
