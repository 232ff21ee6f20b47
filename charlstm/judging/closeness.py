"""Whether the text of a transferred model is closer to the text that it was carried over to, or to its base's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from charlstm.config import SamplingConfig
from charlstm.errors import CharlstmError
from charlstm.judging.profile import jensen_shannon_bits
from charlstm.judging.written import texts_by
from charlstm.store.dataset_directory import Dataset, load_dataset
from charlstm.store.model_directory import Model, load_model

# Pieces of text, as many and as long from each side: a divergence between samples falls with their size.
PIECES = 25
PIECE_CHARS = 200
# Characters in a row whose frequencies are compared: the least that has something of words in it.
SEQUENCE = 3
# Divergences that differ by no more than this share are as good as equal in samples of this size.
EQUAL = 0.05


@dataclass(frozen=True)
class Closeness:
    """How far the text of a transferred model is from two others.

    Jensen-Shannon divergences of the frequencies of three characters in a row, in bits.

    Attributes:
        from_target_bits: from the training text that it was carried over to.
        from_base_bits: from what its base model writes.
    """

    from_target_bits: float
    from_base_bits: float

    def sentence(self) -> str:
        """Return what the two numbers say."""
        target, base = self.from_target_bits, self.from_base_bits
        numbers = f"{target:.3f} bits from the target, {base:.3f} from the base, in sequences of {SEQUENCE} characters"
        if abs(target - base) <= EQUAL * max(target, base):
            return f"Its text is about as close to the target's as to the base's ({numbers})."
        closer, other = ("target", "base") if target < base else ("base", "target")
        return f"Its text is closer to the {closer}'s than to the {other}'s ({numbers})."


def closeness_after_transfer(out: Path) -> Closeness | None:
    """Return the closeness of a model that was transferred just now; None where its base cannot be opened any more.

    Nor is there any to a target that is too short for it.  Only for one's own model: its base and dataset are opened
    where the run found them, outside of its directory.
    """
    model = load_model(out)
    base = _base_of(model)
    target = load_dataset(out / str(model.dataset["path"]))
    return None if base is None else closeness_of(model, target, base)


def closeness_of(model: Model, target: Dataset, base: Model, random_seed: int = 1) -> Closeness | None:
    """Return how close a model's text is to a target's training text and to its base's text.

    None where the training text has no SEQUENCE characters in a row.

    Args:
        model: the model.
        target: the dataset that it was transferred to.
        base: the model that it was transferred from.
        random_seed: of both models' texts, which are written at a temperature of 1: as they were learned.
    """
    of_target = sequences(_pieces_of(target))
    if not of_target:
        return None
    config = SamplingConfig(length=PIECE_CHARS, temperature=1.0, random_seed=random_seed)
    written, by_base = (sequences(texts_by(each, PIECES, config)) for each in (model, base))
    return Closeness(jensen_shannon_bits(written, of_target), jensen_shannon_bits(written, by_base))


def sequences(pieces: Sequence[str]) -> Counter[str]:
    """Count the sequences of SEQUENCE characters within some pieces of text."""
    return Counter(piece[place : place + SEQUENCE] for piece in pieces for place in range(len(piece) - SEQUENCE + 1))


def _base_of(model: Model) -> Model | None:
    if not model.lineage:
        return None
    last = model.lineage[-1]
    try:
        base = load_model(Path(str(last.get("model"))))
    except (CharlstmError, OSError):  # gone, changed, or another person's
        return None
    return base if base.sha256 == last.get("sha256") else None


def _pieces_of(dataset: Dataset) -> list[str]:
    """Return pieces of the training text, from all parts of it."""
    ids = dataset.splits["train"]
    step = max(1, len(ids) // PIECES)
    pieces = [ids[begin : begin + PIECE_CHARS] for begin in range(0, len(ids), step)][:PIECES]
    return [dataset.vocabulary.decode(piece) for piece in pieces]
