from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.config import CorpusConfig
from charlstm.data import words
from charlstm.data.vocabulary import END_OF_DOCUMENT, UNKNOWN, Vocabulary
from charlstm.data.words import LONGEST_WORD, START, joined, whole_word_blocks, word_pattern, words_of
from charlstm.errors import DataError, OptionError
from charlstm.store.dataset_directory import Dataset, write_dataset

# What words are made of, and what parts them.
TRICKY = st.text("abN.,'\"-5\u2019\u0301\u4e2d_<>$%/ \n\t\u00a0", max_size=60)
SPELLED = ["the", "king", "'s", ".", '"', "(", "\n", "'"]
PENN = " aer <unk> ltd. N \n the bank did n't rise $ N \n mr. <unk> 's u.s. shares rose N % \n"


def join(some: list[str]) -> str:
    text, joint = "", START
    for word in some:
        piece, joint = joined(word, joint)
        text += piece
    return text


def without_white_space(text: str) -> str:
    return "".join(text.split())


def made(tmp_path: Path, text: str, **options: object) -> Dataset:
    (tmp_path / "text.txt").write_text(text)
    config = CorpusConfig(level="word", unknown="symbol", **{"split": (1.0, 0.0, 0.0), **options})  # type: ignore[arg-type]
    return write_dataset([str(tmp_path / "text.txt")], config, tmp_path / "set", overwrite=True)


def words_in(dataset: Dataset, split: str = "train") -> list[str]:
    return [dataset.vocabulary.symbols[number] for number in dataset.splits[split]]


@given(TRICKY)
def test_words_lose_nothing_but_white_space(text: str) -> None:
    found = words_of(text)
    assert "".join(found).replace("\n", "") == without_white_space(text)
    assert found.count("\n") == text.count("\n")
    assert not [word for word in found if word != "\n" and word.split() != [word]]


@given(TRICKY)
def test_joined_words_differ_from_the_text_in_spaces_only(text: str) -> None:
    found = words_of(text)
    assert without_white_space(join(found)) == without_white_space(text)
    assert join(found).count("\n") == text.count("\n")


@given(st.lists(TRICKY, max_size=6), st.booleans())
def test_blocks_of_any_size_give_the_same_words(blocks: list[str], tokenized: bool) -> None:
    pattern = word_pattern(tokenized=tokenized)
    parted = [pattern.findall(block) for block in whole_word_blocks(blocks, pattern)]
    assert list(itertools.chain(*parted)) == pattern.findall("".join(blocks))


@pytest.mark.parametrize("tokenized", [True, False])
@pytest.mark.parametrize("unit", ["ab", "a.", "a-b", "'", "5,0", "-.", "\u4e2d"])
def test_text_without_white_space_is_cut_between_words(
    monkeypatch: pytest.MonkeyPatch, unit: str, tokenized: bool
) -> None:
    monkeypatch.setattr(words, "_LONGEST_CARRY", 700)
    pattern, text = word_pattern(tokenized=tokenized), unit * 3000
    blocks = [text[start : start + 501] for start in range(0, len(text), 501)]
    parted = [pattern.findall(block) for block in whole_word_blocks(blocks, pattern)]
    assert list(itertools.chain(*parted)) == pattern.findall(text)
    assert len(parted) > 3
    assert max(map(len, pattern.findall(text))) <= LONGEST_WORD


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's five o'clock, well-known.", ["It's", "five", "o'clock", ",", "well-known", "."]),
        ("the U.S. e.g. 10,000.5 end.", ["the", "U.S.", "e.g.", "10,000.5", "end", "."]),
        ("'Tis lords' (so)--and...", ["'Tis", "lords", "'", "(", "so", ")", "--", "and", "..."]),
        ("a_b\n\nnai\u0308ve <unk>x", ["a", "_", "b", "\n", "\n", "nai\u0308ve", "<unk>", "x"]),
        ("don't <unk> it", ["don't", "<unk>", "it"]),
        ("(don't) <unk> it", ["(don't)", "<unk>", "it"]),
    ],
)
def test_words_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert words_of(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        'He said: "I don\'t know (yet)." She: "No!"\n"But", he said, "yes..."',
        '"An open quote\n\n"Another," he said.',
        "'Tis the king's; we'll see \u2014 \u201cso\u201d it\u2019s $10, 5% and/or U.S. [sic].",
    ],
)
def test_plain_text_is_joined_as_it_was(text: str) -> None:
    assert join(words_of(text)) == text


def test_tokenised_text_is_joined_as_it_is_written() -> None:
    assert join(PENN.split(" ")[1:-1]) == ("aer <unk> ltd. N\nthe bank didn't rise $N\nmr. <unk>'s u.s. shares rose N%")


@pytest.mark.parametrize("documents", ["file", "line"])
def test_tokenised_text_is_read_as_it_is(tmp_path: Path, documents: str) -> None:
    dataset = made(tmp_path, PENN, documents=documents)
    lines = [line.replace("<unk>", UNKNOWN).split() for line in PENN.splitlines()]
    between = END_OF_DOCUMENT if documents == "line" else "\n"
    expected = [word for line in lines for word in (*line, between)]
    # The end of the text is that of its last line.
    assert words_in(dataset) == [*expected[:-1], END_OF_DOCUMENT]
    assert dataset.vocabulary.level == "word"
    assert dataset.summary["is_tokenized"]
    assert dataset.summary["unknown_words"] == 2
    assert dataset.summary["words"] == len(expected) - (3 if documents == "line" else 1)


def test_plain_text_is_parted_and_says_so(tmp_path: Path) -> None:
    dataset = made(tmp_path, "Well, well-known.")
    assert words_in(dataset) == ["Well", ",", "well-known", ".", END_OF_DOCUMENT]
    assert not dataset.summary["is_tokenized"]
    assert dataset.vocabulary.unknown is None


def test_whether_text_is_tokenised_can_be_said(tmp_path: Path) -> None:
    dataset = made(tmp_path, "(don't) it", tokenized=True)
    assert words_in(dataset) == ["(don't)", "it", END_OF_DOCUMENT]
    assert dataset.summary["is_tokenized"]
    plain = made(tmp_path, "(don't) <unk>", tokenized=False)
    assert words_in(plain) == ["(", "don't", ")", UNKNOWN, END_OF_DOCUMENT]


def test_the_most_frequent_words_are_kept_and_others_are_unknown(tmp_path: Path) -> None:
    text = "b b b c c a a d"
    dataset = made(tmp_path, text, max_vocabulary=3)
    assert dataset.vocabulary.symbols == (END_OF_DOCUMENT, UNKNOWN, "a", "b")
    assert words_in(dataset) == [*"bbb", UNKNOWN, UNKNOWN, "a", "a", UNKNOWN, END_OF_DOCUMENT]
    assert dataset.summary["unknown_words"] == 3
    # With room for all, nothing is unknown; the end of a document takes no room.
    assert made(tmp_path, text, max_vocabulary=4).vocabulary.symbols == (END_OF_DOCUMENT, *"abcd")
    assert made(tmp_path, text, min_count=2).vocabulary.symbols == (END_OF_DOCUMENT, UNKNOWN, "a", "b", "c")


def test_characters_can_be_limited_too(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("bbbccaad")
    config = CorpusConfig(max_vocabulary=3, split=(1.0, 0.0, 0.0))
    dataset = write_dataset([str(tmp_path / "text.txt")], config, tmp_path / "set")
    assert dataset.vocabulary.symbols == (END_OF_DOCUMENT, "a", "b", "c")
    assert dataset.vocabulary.decode(dataset.splits["train"]) == "bbbccaa\n\n"


@pytest.mark.parametrize("split_by", ["position", "document"])
def test_the_characters_of_a_split_are_those_of_its_text(tmp_path: Path, split_by: str) -> None:
    documents = [f"So  long, said {'number ' * number}{number}.\n And went." for number in range(30)]
    options = {"document_delimiter": "\n--\n", "split_by": split_by, "split": (0.5, 0.25, 0.25), "max_vocabulary": 6}
    dataset = made(tmp_path, "\n--\n".join(documents), **options)
    sizes = dataset.summary["splits"]
    assert sum(size["characters"] for size in sizes.values()) == sum(map(len, documents))
    assert dataset.summary["characters"] == sum(map(len, documents))
    if split_by == "document":
        # Each document has a size of its own by the count of its words.
        ends = np.flatnonzero(dataset.splits["valid"] == dataset.vocabulary.end_of_document) + 1
        counts = np.diff(ends, prepend=0)
        lengths = {len(words_of(document)) + 1: len(document) for document in documents}
        assert sizes["valid"]["characters"] == sum(lengths[count] for count in counts.tolist())


def test_words_that_spell_a_special_symbol_are_unknown(tmp_path: Path) -> None:
    dataset = made(tmp_path, f"a <unk> {END_OF_DOCUMENT} {UNKNOWN} b")
    assert words_in(dataset) == ["a", UNKNOWN, UNKNOWN, UNKNOWN, "b", END_OF_DOCUMENT]


def test_options_and_normal_forms_reach_words(tmp_path: Path) -> None:
    dataset = made(tmp_path, "\u201cYes\u201d, NA\u00cfVE", lowercase=True, normalize="ascii")
    assert words_in(dataset) == ['"', "yes", '"', ",", "naive", END_OF_DOCUMENT]
    foreign = made(tmp_path, "so \u4e2d\u6587 said", normalize="ascii")
    assert words_in(foreign) == ["so", UNKNOWN, "said", END_OF_DOCUMENT]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"keep": "abc"}, "--keep abc: is of characters"),
        ({"unknown": "drop"}, "--unknown drop: with --level word"),
        ({"max_vocabulary": 2}, "--max-vocabulary 2: must be between 3"),
    ],
)
def test_what_does_not_fit_words_is_refused(tmp_path: Path, options: dict[str, object], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        CorpusConfig(**{"level": "word", "unknown": "symbol", **options})  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="--keep and --max-vocabulary both limit"):
        CorpusConfig(keep="abc", max_vocabulary=3)
    with pytest.raises(DataError, match="no symbol of the text is left"):
        made(tmp_path, "a b", min_count=2)


@given(st.lists(st.sampled_from(SPELLED), max_size=20), st.integers(0, 20))
def test_text_is_the_same_however_it_is_spelled(some: list[str], cut: int) -> None:
    vocabulary = Vocabulary(
        (END_OF_DOCUMENT, UNKNOWN, *sorted({"the", "king", "'s", ".", '"', "(", "\n", "'"})), "word"
    )
    ids = [vocabulary.ids[word] for word in some]
    first, joint = vocabulary.spell(ids[:cut], START)
    assert first + vocabulary.decode(ids[cut:], joint) == vocabulary.decode(ids) == join(some)


def test_unknown_words_and_ends_have_a_spelling() -> None:
    vocabulary = Vocabulary((END_OF_DOCUMENT, UNKNOWN, "\n", ",", "a", "king"), "word")
    assert vocabulary.decode([4, 5, 3, 1, 0, 4]) == "a king, <unk>\n\na"
