"""What is written where symbols are words: joined text, seeds, ends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from charlstm.cli.main import main
from charlstm.config import ModelConfig, SamplingConfig
from charlstm.data.vocabulary import END_OF_DOCUMENT, UNKNOWN, Vocabulary
from charlstm.data.words import START, words_of
from charlstm.errors import DataError
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.model.weights import initial_weights
from charlstm.sampling.ending import Ending
from charlstm.sampling.filters import part_of_word
from charlstm.sampling.generate import Generation
from charlstm.sampling.growing_texts import Prompt, alike, first_symbol
from charlstm.sampling.seed_text import near_words, read_seed
from charlstm.store.model_directory import load_model, save_model

WORDS = ("\n", '"', "'s", ",", ".", "(", ")", "N", "Once", "king", "do", "n't", "rode", "the", "naive")
VOCABULARY = Vocabulary((END_OF_DOCUMENT, UNKNOWN, *WORDS), "word")
CONFIG = ModelConfig(len(VOCABULARY), (12, 10), (0.0, 0.0), embedding=6)


@pytest.fixture(autouse=True)
def _beside_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model").mkdir()
    weights = {name: 3 * array for name, array in initial_weights(CONFIG, 7).items()}
    save_model(Path("model"), CONFIG, VOCABULARY, weights, training={}, dataset={}, lineage=[], result={})


def run(*arguments: str, code: int = 0, text: str | None = None) -> Result:
    result = CliRunner().invoke(main, list(arguments), input=text)
    assert result.exit_code == code, result.output
    return result


def sampled(*arguments: str) -> dict[str, object]:
    document: list[dict[str, object]] = json.loads(run("sample", "-m", "model", *arguments, "--json").stdout)
    return document[0]


def drawn_ids(seed: tuple[int, ...], **options: object) -> tuple[str, list[int]]:
    """Return a text, and the symbols that it was drawn as."""
    model, ids = load_model(Path("model")), []

    class Recording(NumpyLSTM):
        def step(self, read):  # type: ignore[no-untyped-def]
            ids.append(int(read[0]))
            return super().step(read)

    config = SamplingConfig(temperature=2.0, **options)  # type: ignore[arg-type]
    generation = Generation(Recording(model.config, model.weights), VOCABULARY, alike(1, seed), config)
    pieces = [piece for (piece,) in generation]
    assert "".join(pieces) == generation.texts[0]
    return generation.texts[0], ids[len(seed or (0,)) :]


@pytest.mark.parametrize("options", [{}, {"stop": "@"}])
def test_a_text_is_the_joined_words_that_were_drawn(options: dict[str, object]) -> None:
    """The stop text, which never comes, makes it be written symbol by symbol."""
    seed = tuple(VOCABULARY.ids[word] for word in ("the", '"', "king"))
    text, ids = drawn_ids(seed, length=60, **options)
    whole = VOCABULARY.decode([*seed, *ids])
    assert text.startswith(whole.removeprefix('the "king'))
    assert " ." not in text
    assert " ," not in text
    assert "( " not in text
    assert UNKNOWN not in text
    assert "<unk>" not in text
    assert len(words_of(text)) > 30


def test_texts_beside_each_other_are_those_written_alone() -> None:
    model = load_model(Path("model"))
    prompts = [Prompt((VOCABULARY.ids[word],), 1.5, number) for number, word in enumerate(["(", "king", '"'])]
    together = Generation(NumpyLSTM(model.config, model.weights, 3), VOCABULARY, prompts, SamplingConfig())
    list(together)
    for prompt, text in zip(prompts, together.texts, strict=True):
        alone = Generation(NumpyLSTM(model.config, model.weights), VOCABULARY, [prompt], SamplingConfig())
        list(alone)
        assert alone.texts[0] == text


def test_the_seed_and_the_text_are_one() -> None:
    shown = run("sample", "-m", "model", "--seed", "Once ", "--length", "40", "--temperature", "2").stdout
    assert shown.startswith("Once")
    assert "  " not in shown
    found = sampled("--seed", "Once ", "--length", "40", "--temperature", "2")
    assert f"{found['seed']}{found['text']}\n" == shown
    assert run("sample", "-m", "model", "--length", "9").stdout[0] != " "
    text = sampled("--seed", "the king", "--beam", "3", "--length", "8")["text"]
    assert words_of(f"the king{text}")[:2] == ["the", "king"]


def test_texts_end_after_words_and_lines() -> None:
    assert len(str(sampled("--seed", "the", "--words", "7", "--temperature", "2")["text"]).split()) in (6, 7)
    found = sampled("--lines", "2", "--temperature", "2")
    assert (str(found["text"]).count("\n"), found["stopped_by"]) == (1, "lines")


def test_without_a_seed_a_line_begins() -> None:
    assert first_symbol(VOCABULARY) == VOCABULARY.ids["\n"]
    assert first_symbol(Vocabulary((END_OF_DOCUMENT, "king"), "word")) == 0
    assert first_symbol(Vocabulary((END_OF_DOCUMENT, "\n"))) == 0


def test_endings_join_what_follows_a_seed() -> None:
    ids = VOCABULARY.ids
    ending = Ending(SamplingConfig(stop="rode"), VOCABULARY, (ids["the"],))
    pieces = [ending.read(ids[word], 1.0)[0] for word in ("king", "'s", ",", "the", "rode")]
    assert "".join(pieces) == " king's, the "
    assert ending.reason == "stop"


def test_seeds_are_read_as_words() -> None:
    assert read_seed("Once, the king", VOCABULARY).ids == tuple(VOCABULARY.ids[w] for w in ("Once", ",", "the", "king"))
    seed = read_seed("THE king's na\u00efve don't 1,000 <unk> queen\n", VOCABULARY)
    expected = ["the", "king", "'s", "naive", "do", "n't", "N", UNKNOWN, UNKNOWN, "\n"]
    assert [VOCABULARY.symbols[number] for number in seed.ids] == expected
    assert seed.unknown == ("queen",)
    assert set(seed.folded) == {"THE", "king's", "na\u00efve", "don't", "1,000"}
    assert near_words("once", VOCABULARY) == [VOCABULARY.ids["Once"]]
    with pytest.raises(DataError, match="'queen', which the model does not know"):
        read_seed("the queen", VOCABULARY, strict=True)
    without = Vocabulary(("a", "b"), "word")
    assert read_seed("a queen b", without).skipped == ("queen",)
    assert "read as the unknown word: 'queen'" in run("sample", "-m", "model", "--seed", "queen").stderr


def test_words_of_another_normal_form_are_read_as_the_model_knows_them() -> None:
    apart = Vocabulary(("nai\u0308ve", "king"), "word")
    assert read_seed("nai\u0308ve king", apart, strict=True).ids == (0, 1)


def test_what_goes_by_characters_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charlstm.cli.interactive.refuse_without_terminal", lambda: None)
    assert "goes by characters" in run("sample", "-m", "model", "--interactive", code=2).stderr
    assert not part_of_word(VOCABULARY).any()


def test_words_and_characters_are_not_mixed() -> None:
    config = ModelConfig(3, (4,), (0.0,))
    weights = initial_weights(config, 1)
    Path("other").mkdir()
    save_model(
        Path("other"), config, Vocabulary(("a", "b", ".")), weights, training={}, dataset={}, lineage=[], result={}
    )
    assert "cannot write a text together" in run("sample", "-m", "model", "-m", "other", code=5).stderr


def test_a_large_embedding_steps_as_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = initial_weights(CONFIG, 3)
    kept = NumpyLSTM(CONFIG, weights, streams=2)
    monkeypatch.setattr("charlstm.model.numpy_lstm.MANY_SYMBOLS", 4)
    computed = NumpyLSTM(CONFIG, weights, streams=2)
    for ids in ([3, 4], [5, 5], [0, 9]):
        np.testing.assert_allclose(computed.step(ids), kept.step(ids), atol=1e-6)
    assert VOCABULARY.spell([], START) == ("", START)
