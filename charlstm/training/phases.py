"""A run as a list of phases that follow each other: which layers there are, and which of them train.

A phase is a training of its own, with its own course of the learning rate, optimizer and patience, that begins with the
best weights of the phase before.  The loop knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import OptionError
from charlstm.model.weights import Array, initial_weights
from charlstm.store.model_directory import Weights
from charlstm.training.layer_groups import group_of
from charlstm.training.presets import one_a_layer


@dataclass(frozen=True)
class Phase:
    """A part of a run.

    Attributes:
        model: the network.
        training: how it is trained; `epochs` are those of the phase, and `max_minutes` the time since the beginning of
            the run at which the phase ends.
        trained: the names of the weights that change.
    """

    model: ModelConfig
    training: TrainingConfig
    trained: list[str]


def with_phase_epochs(model: ModelConfig, training: TrainingConfig, trained: Sequence[str]) -> TrainingConfig:
    """Return a training with the epochs of each of its phases, where they were left open or one stood for all.

    Raises:
        OptionError: the run has nothing to part into phases, or too few epochs for them.
    """
    count = _count(model, training, trained)
    if count == 1:
        return training
    option = "--gradual" if training.gradual else f"--unfreeze {training.unfreeze}"
    if training.epochs < count:
        raise OptionError(
            f"--epochs {training.epochs}: {option} has {count} phases, each of one epoch or more: give at least "
            f"--epochs {count}"
        )
    given = training.phase_epochs or ((training.epochs // count if training.gradual else training.unfreeze_every),)
    epochs = given * (count - 1) if len(given) == 1 else given
    name = "phase-epochs" if training.gradual or training.phase_epochs else "unfreeze-every"
    shown = ",".join(map(str, given))
    if len(epochs) != count - 1:
        raise OptionError(f"--{name} {shown}: needs one value, or one for each of the {count - 1} phases but the last")
    if sum(epochs) >= training.epochs:
        raise OptionError(
            f"--{name} {shown}: the {count - 1} phases before the last take {sum(epochs)} of {training.epochs} epochs "
            f"and leave none to it: give at least --epochs {sum(epochs) + 1}"
        )
    return replace(training, phase_epochs=epochs)


def with_phase_dropout(model: ModelConfig, training: TrainingConfig) -> ModelConfig:
    """Return a network with the dropout of the last phase.

    Raises:
        OptionError: the lists do not fit the phases.
    """
    lists = training.phase_dropout
    if not lists:
        return model
    shown = ";".join(",".join(f"{rate:g}" for rate in rates) for rates in lists)
    fits = [len(rates) in (1, layers) for layers, rates in enumerate(lists, 1)]
    if len(lists) != model.layers or not all(fits):
        raise OptionError(
            f"--phase-dropout {shown}: needs {model.layers} lists between semicolons, one a phase, of one value each "
            "or as many as the phase has layers: 1, 2 and so on"
        )
    return replace(model, dropout=one_a_layer(lists[-1], model.layers))


def phases_of(model: ModelConfig, training: TrainingConfig, trained: list[str]) -> list[Phase]:
    """Return the phases of a run, of which there is at least one.

    Args:
        model: the network that comes of it.
        training: how it is trained, as `with_phase_epochs` returns it.
        trained: the names of the weights that change.

    Source: Aharoni, Rattner and Permuter, Gradual Learning of RNNs, 2017, arXiv:1708.08863 (gradual: nothing is
    frozen); Howard and Ruder, ULMFiT, 2018, arXiv:1801.06146 (gradual unfreezing, from the head downwards); Felbo et
    al., DeepMoji, 2017, arXiv:1708.00524 (chain: the head, each layer alone from the bottom, then all).
    """
    if training.gradual:
        models = [_shallower(model, training, layers) for layers in range(1, model.layers + 1)]
        phases = [(each, [name for name in trained if _is_of(name, each)]) for each in models]
    else:
        phases = [(model, names) for names in _unfrozen(model, training, trained)]
    epochs = [*training.phase_epochs, training.epochs - sum(training.phase_epochs)]
    shares = [reached / training.epochs for reached in accumulate(epochs)]
    return [
        Phase(each, _training_of(each, model, training, own, share), names)
        for (each, names), own, share in zip(phases, epochs, shares, strict=True)
    ]


def carried_over(phase: Phase, before: Weights) -> dict[str, Array]:
    """Return the first weights of a phase: those of the phase before, and new ones for what it adds.

    A layer more has a head of its own on top, unless that is the embedding.
    """
    weights = initial_weights(phase.model, phase.training.random_seed)
    adds_layer = any(name not in before for name in weights)
    for name, array in before.items():
        is_old_head = adds_layer and group_of(name) == "head" and not phase.model.tie_weights
        if name in weights and not is_old_head:
            weights[name] = array
    return weights


def _count(model: ModelConfig, training: TrainingConfig, trained: Sequence[str]) -> int:
    if training.gradual and model.layers == 1:
        raise OptionError("--gradual adds a layer in each phase, and this stack has one only: give --layers 2 or more")
    if training.gradual and model.tie_weights and len(set(model.units)) > 1:
        units = ",".join(map(str, model.units))
        raise OptionError(
            f"--units {units}: with --gradual --tie-weights each layer is the highest in its phase, under a head that "
            f"is the embedding, so all have its size: give --units {model.embedding}, or leave out --tie-weights"
        )
    if training.gradual:
        return model.layers
    count = len(_unfrozen(model, training, trained))
    if training.unfreeze != "none" and count == 1:
        raise OptionError(
            f"--unfreeze {training.unfreeze} goes from layer to layer, and one only is retrained: name more in "
            "--retrain"
        )
    return count


def _unfrozen(model: ModelConfig, training: TrainingConfig, trained: Sequence[str]) -> list[list[str]]:
    """Return the names of the weights that train in each phase of a run that adds no layers."""
    # From the top: the head, then the highest layer. An embedding goes with the lowest layer, or a head that it is.
    layers = sorted({group_of(name) for name in trained if name.startswith("lstm_")}, key=lambda name: -int(name[5:]))
    groups = [[group] for group in (*(["head"] if "head/bias" in trained else []), *layers)]
    if groups:
        is_lowest = bool(layers) and layers[-1] == "lstm_0" and not model.tie_weights
        groups[-1 if is_lowest else 0].append("embedding")
    if training.unfreeze == "none" or len(groups) < 2:
        return [list(trained)]
    if training.unfreeze == "gradual":
        chosen = [[group for part in groups[: count + 1] for group in part] for count in range(len(groups))]
    else:
        has_head = groups[0][0] == "head"
        chosen = [*groups[:has_head], *groups[has_head:][::-1], [group for part in groups for group in part]]
    return [[name for name in trained if group_of(name) in names] for names in chosen]


def _shallower(model: ModelConfig, training: TrainingConfig, layers: int) -> ModelConfig:
    dropout = model.dropout[:layers]
    if training.phase_dropout:
        dropout = one_a_layer(training.phase_dropout[layers - 1], layers)
    return replace(model, units=model.units[:layers], dropout=dropout)


def _training_of(
    model: ModelConfig, whole: ModelConfig, training: TrainingConfig, epochs: int, share: float
) -> TrainingConfig:
    """Return the options of a phase: its epochs, its share of the time, and lists as long as it has layers."""
    minutes = None if training.max_minutes is None else training.max_minutes * share
    norms = training.clip_norm
    return replace(
        training,
        epochs=epochs,
        max_minutes=minutes,
        clip_norm=_cut(norms, model, whole) if isinstance(norms, tuple) else norms,
        layer_rates=_cut(training.layer_rates, model, whole),
    )


def _cut(values: tuple[float, ...], model: ModelConfig, whole: ModelConfig) -> tuple[float, ...]:
    """Return the values of the layers that there are, and that of the head, where it has one."""
    return values[: model.layers] + values[whole.layers :]


def _is_of(name: str, model: ModelConfig) -> bool:
    group = group_of(name)
    return not group.startswith("lstm_") or int(group[5:]) < model.layers
