"""What the numbers of a report say, in plain words: each function looks at one question and returns sentences."""

from __future__ import annotations

from charlstm.judging.judgement import Judgement
from charlstm.judging.report import ModelReport

# How much larger a measure must be than that of the corpus's own text to be called so.
CLEARLY = 1.5
# Differences of shares that texts of this length show by chance.
SAME_SHARE = 0.02
# A loop of this many characters can be heard; shorter ones are "had had" and "very, very".
AUDIBLE_LOOP = 40
# The characters in a row by which copying is judged, and the share of them that a reader may call an accident.
COPYING = 32
ACCIDENT = 0.01


def findings(report: ModelReport) -> list[str]:
    """Return the sentences of all questions that a report answers."""
    text, held_out = report.text, report.held_out
    return [
        *words(text, held_out),
        *distributions(text, held_out),
        *frequent(report),
        *repetition(text, held_out),
        *copying(text, held_out),
        *([] if report.closeness is None else [report.closeness.sentence()]),
    ]


def words(text: Judgement, held_out: Judgement | None) -> list[str]:
    """Say whether the text is made of words that the corpus has."""
    share = text.known_word_share
    if share is None:
        return ["There is no word in its text."]
    sentence = f"{share:.1%} of its words stand in the training text"
    if held_out is None or held_out.known_word_share is None:
        return [f"{sentence}."]
    own = held_out.known_word_share
    if share < own - SAME_SHARE:
        return [f"{sentence}, fewer than of text that a person wrote there ({own:.1%}): it still invents words."]
    many = "more than" if share > own + SAME_SHARE else "about as many as"
    return [f"{sentence}, {many} of text that a person wrote there ({own:.1%}): it spells."]


def distributions(text: Judgement, held_out: Judgement | None) -> list[str]:
    """Say whether characters, words and lines are distributed as in the corpus."""
    if held_out is None:
        return []
    measures = {
        "characters": (text.character_divergence_bits, held_out.character_divergence_bits),
        "word lengths": (text.word_length_distance_chars, held_out.word_length_distance_chars),
        "line lengths": (text.line_length_distance_chars, held_out.line_length_distance_chars),
    }
    far = [
        name
        for name, (found, own) in measures.items()
        if found is not None and own is not None and found > CLEARLY * own
    ]
    near = [
        name for name, (found, own) in measures.items() if found is not None and own is not None and name not in far
    ]
    sentences = []
    if near:
        sentences.append(f"Its {_listed(near)} are as near to the training text's as those of held-out text.")
    if far:
        sentences.append(f"Its {_listed(far)} are farther from the training text's than those of held-out text.")
    return sentences


def frequent(report: ModelReport) -> list[str]:
    """Say how many of the corpus's most frequent words are the text's too."""
    both = {place: [each.item for each in found] for place, found in report.frequent_words.items()}
    if not both["text"] or not both["corpus"]:
        return []
    common = len(set(both["text"]) & set(both["corpus"]))
    return [f"Of the {len(both['corpus'])} most frequent words of the training text, {common} are among its own."]


def repetition(text: Judgement, held_out: Judgement | None) -> list[str]:
    """Say whether the text repeats itself more than the corpus does."""
    sentences = []
    found, own = text.distinct[3], None if held_out is None else held_out.distinct[3]
    if found is not None and own is not None:
        verdict = (
            "it repeats itself more than the corpus does" if found < own - SAME_SHARE else "as varied as the corpus"
        )
        sentences.append(
            f"{found:.1%} of its sequences of three words are different, {own:.1%} of held-out text's: {verdict}."
        )
    allowed = max(AUDIBLE_LOOP, 0 if held_out is None else held_out.longest_loop_chars)
    loop = text.longest_loop_chars
    if loop > allowed:
        sentences.append(f"It gets caught in a loop of {loop:,} characters.")
    else:
        sentences.append(f"It is caught in no loop (the longest has {loop:,} characters).")
    return sentences


def copying(text: Judgement, held_out: Judgement | None) -> list[str]:
    """Say whether the text is copied."""
    share = text.copied_shares[COPYING]
    longest = f"the longest stretch that stands in the training text has {text.longest_copy_chars:,} characters"
    if share is None:
        return [f"It is too short to be judged for copying; {longest}."]
    own = None if held_out is None else held_out.copied_shares[COPYING]
    numbers = f"{longest}, and {share:.1%} of its sequences of {COPYING} characters stand there"
    if held_out is not None and own is not None:
        numbers += f"; of held-out text it is {held_out.longest_copy_chars:,} characters and {own:.1%}"
    if share <= ACCIDENT:
        return [f"It hardly copies: {numbers}."]
    if own is not None and share <= CLEARLY * own:
        return [f"It copies no more than the corpus itself repeats: {numbers}."]
    return [f"It copies: {numbers}."]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
