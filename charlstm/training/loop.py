"""The only training loop."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from charlstm.errors import DivergedError, ModelError
from charlstm.model.network import State
from charlstm.store.checkpoints import Checkpoint
from charlstm.store.history import Evaluation
from charlstm.store.model_directory import Weights, are_usable
from charlstm.training.compiled import CompiledNetwork
from charlstm.training.evaluation_times import EvaluationTimes
from charlstm.training.frozen import fits, frozen_below, frozen_outputs, outputs_at
from charlstm.training.job import Job, Keeper, Observer, Progress
from charlstm.training.pace import Pace
from charlstm.training.position import Position, next_phase, position_of
from charlstm.training.reactions import react_to_epoch, react_to_evaluation, reacts_to_epochs, share_of_newest
from charlstm.training.schedules import schedule_of
from charlstm.training.step import StepInputs
from charlstm.training.time_limit import keep_to_time

# A longer validation text is judged by its beginning while training; the end of a run reports on all of it.
VALIDATION_CHARS = 500_000
# Steps in a row that are not finite before the training goes back to its last good evaluation, and how often it does.
BAD_STEPS = 5
ROLLBACKS = 3


class Trainer:
    """One training, which can be taken down as a checkpoint between any two steps and gone on with from there.

    Args:
        job: what to train on what.
        compiled: a network of the job's configuration; its weights are set.
        weights: the first weights.
        observer: is told of steps and evaluations.
        scratch: a directory for large files that go with the process.

    Attributes:
        position: where it stands.
        history: all evaluations.
        best: the weights with the best validation loss; without a validation text, the last ones that could be used.
    """

    def __init__(
        self, job: Job, compiled: CompiledNetwork, weights: Weights, observer: Observer, scratch: Path
    ) -> None:
        self.job = job
        self.network = compiled.network
        self.observer = observer
        config = job.training
        self.batches = job.batches
        self.position = Position(back_step=0)
        self.position.total_steps = self.last_step
        self.history: list[Evaluation] = []
        self.best: Weights = dict(weights)
        self.scorer = compiled.scorer
        layers = frozen_below(job.model, job.trained, config)
        self._frozen_layers = layers if fits(job.model, layers, len(job.train), config.frozen_cache_gb) else 0
        self._frozen_outputs: NDArray[np.float32] | None = None
        self._scratch = scratch
        self._schedule = schedule_of(config, self.batches.steps_per_epoch)
        self._training_step = compiled.training_step(config, job.trained, job.masks, self._frozen_layers)
        self._chars_per_step = config.batch_size * config.sequence_length
        epoch = self.batches.steps_per_epoch
        validated = min(len(job.valid), VALIDATION_CHARS)
        self._evaluation_times = EvaluationTimes(
            epoch, self.batches.chars_before(epoch), validated, each_epoch=reacts_to_epochs(config)
        )
        self._state: State = self.network.zero_state(config.batch_size)
        self._pace = Pace()
        self.network.assign(weights)

    @property
    def last_step(self) -> int:
        """The step at which the training ends, where nothing ends it before."""
        return self.position.phase_step + self.job.training.epochs * self.batches.steps_per_epoch

    def follow(self, before: Trainer) -> None:
        """Begin as the phase after one that has ended; to be called before anything else."""
        has_same_shape = before.job.model.units == self.job.model.units
        self.position = next_phase(before.position, len(before.history), keeps_best=has_same_shape)
        self.position.total_steps = self.last_step
        self.history = list(before.history)

    def run(self, keeper: Keeper, heed: Callable[[], None]) -> None:
        """Train until the end.

        Args:
            keeper: is offered a checkpoint after every few steps, and asked for one of them after too many bad ones.
            heed: is called after every few steps; what it raises ends the training where it can be gone on with.

        Raises:
            DivergedError: too many steps in a row were not finite, again after each going back.
        """
        position, self._pace = self.position, Pace()
        began = time.perf_counter() - position.elapsed
        if self._frozen_layers:
            self._frozen_outputs = frozen_outputs(
                self.network, self.job.train, self._frozen_layers, self._scratch, heed
            )
            before, position.elapsed = position.elapsed, time.perf_counter() - began
            position.first_step_seconds += position.elapsed - before
        while position.is_evaluation_due or position.step < position.total_steps:
            if not position.is_evaluation_due:
                is_after_evaluation = position.step == (self.history[-1].step if self.history else 0)
                self._train_some_steps()
                position.elapsed = time.perf_counter() - began
                self._pace.take(position.step, position.elapsed)
                keep_to_time(
                    position, self.job.training.max_minutes, self.last_step, is_after_evaluation=is_after_evaluation
                )
                self.observer.stepped(self._progress())
                if position.bad_steps >= BAD_STEPS:
                    position = self._go_back(keeper)
                    began = time.perf_counter() - position.elapsed
                    continue
                position.is_evaluation_due = self._is_evaluation_due(position.step)
            was_due = position.is_evaluation_due
            # An evaluation that a stop interrupts is made again, from its beginning, when the run is gone on with.
            if was_due:
                with self._averaged():
                    self._evaluate(heed)
            # Weights after which no step is finite, or whose loss is not, are nothing to go back to.
            is_sound = not position.bad_steps and not (was_due and self._is_lost())
            if was_due and is_sound:
                position.back_step = position.step
            position.elapsed = time.perf_counter() - began
            if self._is_out_of_patience():
                position.stopped_by = "patience"
                position.total_steps = position.step
            if position.step < position.total_steps:
                heed()
            if is_sound:
                keeper.offer(self.capture, is_wanted=was_due)
        if position.best_row < 0 or not self._is_judged:
            with self._averaged():
                last = self.network.to_arrays()
            if self._is_judged or not are_usable(last):
                raise self._diverged("the network that it ended with cannot be used")
            self.best = last
        position.is_finished = True

    def capture(self) -> Checkpoint:
        """Return all that the training is, copied."""
        slots = {f"optimizer/{name}": slot.numpy() for name, slot in self._training_step.optimizer.slots.items()}
        for layer, (hidden, cell) in enumerate(self._state):
            slots[f"state_{layer}/hidden"] = np.array(hidden)
            slots[f"state_{layer}/cell"] = np.array(cell)
        weights = self.network.to_arrays()
        return Checkpoint(self.position.step, weights, self.best, slots, self.position.to_json(), list(self.history))

    def restore(self, checkpoint: Checkpoint) -> None:
        """Become what was captured."""
        position = position_of(checkpoint)
        if position.phase != self.position.phase and self.position.step > 0:
            raise ModelError("the newest checkpoint is of another phase of the run")
        self.position = position
        self.history = list(checkpoint.history)
        self.best = checkpoint.best
        self.network.assign(checkpoint.weights)
        for name, slot in self._training_step.optimizer.slots.items():
            slot.assign(checkpoint.slots[f"optimizer/{name}"])
        self._state = self.network.state_of(
            (checkpoint.slots[f"state_{layer}/hidden"], checkpoint.slots[f"state_{layer}/cell"])
            for layer in range(self.job.model.layers)
        )

    def extend(self) -> None:
        """Set the end of the run by its options anew, after they were extended."""
        position = self.position
        if position.stopped_by == "patience":
            position.bad_evaluations = 0  # Otherwise it would end again after a step.
        position.is_finished, position.is_estimated, position.stopped_by = False, False, "epochs"
        position.total_steps = self.last_step

    def _train_some_steps(self) -> None:
        """Make as many steps as go into one call, nothing being due between them."""
        position = self.position
        began, first = time.perf_counter(), position.step
        if self.batches.begins_anew(first):
            self._state = self.network.zero_state(self.job.training.batch_size)
        asked = self._next_steps()
        result = self._training_step(asked, self._state)
        seconds = time.perf_counter() - began
        self._state, made = result.state, len(result.nats_per_char)
        ended = min(made + 1, len(asked))
        if first == position.phase_step:
            position.first_step_seconds += seconds
        position.step += ended
        position.seconds += seconds
        position.updates += made
        # A step that is not finite is the last of its call.
        position.bad_steps = (0 if made else position.bad_steps) + ended - made
        position.sum_seconds += seconds * made / ended
        for step, nats in zip(asked, result.nats_per_char, strict=False):
            share = self._relative_length(step.targets) if step.scored is None else float(step.scored.mean())
            position.sum_nats += share * nats
            position.sum_steps += share

    def _next_steps(self) -> list[StepInputs]:
        """Return the steps of the next call; the first of a training, which compiles, is one by itself."""
        first = self.position.step
        most = 1 if first == self.position.phase_step else self._training_step.steps_per_call
        steps = [self._inputs_of(first, 1)]
        for number in range(1, most):
            if self._is_evaluation_due(first + number) or self.batches.begins_anew(first + number):
                break
            following = self._inputs_of(first + number, number + 1)
            if following.inputs.shape != steps[0].inputs.shape:
                break
            steps.append(following)
        return steps

    def _inputs_of(self, step: int, updates: int) -> StepInputs:
        """Return what a step is made of, whose update is so many after the last one made."""
        ids, targets, scored = self.batches(step)
        lower = self._frozen_outputs
        inputs = ids if lower is None else outputs_at(lower, self.batches.places(step)[:, : ids.shape[1]])
        update = self.position.updates + updates
        rate = self._learning_rate(step) * self._relative_length(targets)
        return StepInputs(inputs, targets, step, rate, update, scored, share_of_newest(self.position, update))

    def _relative_length(self, targets: NDArray[np.int32]) -> float:
        return float(targets.shape[1] / self.job.training.sequence_length)

    def _go_back(self, keeper: Keeper) -> Position:
        """Return to the last good evaluation, and go on from there at half the rate."""
        elapsed, rollbacks = self.position.elapsed, self.position.rollbacks + 1
        if rollbacks > ROLLBACKS:
            raise self._diverged(
                f"the loss was not finite, and still was not after going back {ROLLBACKS} times at half the rate each "
                "time"
            )
        self.restore(keeper.newest(self.position.back_step))
        self.position.elapsed, self.position.rollbacks = elapsed, rollbacks
        return self.position

    def _diverged(self, why: str) -> DivergedError:
        self.position.stopped_by = "diverged"
        return DivergedError(f"training diverged: {why}; the best model so far is kept; try a smaller --learning-rate")

    def _learning_rate(self, step: int) -> float:
        position, config = self.position, self.job.training
        rate = self._schedule(step - position.phase_step, position.total_steps - position.phase_step)
        if position.decays:
            rate = max(rate * config.decay**position.decays, min(rate, config.min_learning_rate or 0.0))
        return float(rate * 0.5**position.rollbacks)

    def _evaluate(self, heed: Callable[[], None]) -> None:
        """Add a row to the history."""
        position = self.position
        valid = math.nan
        if self._is_judged:
            valid = self.scorer.score(self.job.valid[:VALIDATION_CHARS], heed).nats_per_char
        evaluation = Evaluation(
            step=position.step,
            epoch=position.step / self.batches.steps_per_epoch,
            chars=self.batches.chars_before(position.step),
            seconds=position.seconds,
            learning_rate=self._learning_rate(position.step - 1),
            train_nats_per_char=position.sum_nats / position.sum_steps if position.sum_steps else math.nan,
            valid_nats_per_char=valid,
        )
        position.sum_nats, position.sum_steps, position.sum_seconds = 0.0, 0, 0.0
        best = math.inf if position.best_row < 0 else self.history[position.best_row].valid_nats_per_char
        # Never with a loss that is not a number, nor with weights that nothing can be computed from.
        is_kept = (valid < best or not self._is_judged) and are_usable(weights := self.network.to_arrays())
        if is_kept:
            position.best_row = len(self.history)
            self.best = weights
        is_best = is_kept and self._is_judged
        self.history.append(evaluation)
        react_to_evaluation(position, is_best=is_best)
        if self._ends_epoch(evaluation):
            losses = [row.valid_nats_per_char for row in self.history[position.phase_row :] if self._ends_epoch(row)]
            react_to_epoch(position, self.job.training, losses)
        position.is_evaluation_due = False
        self.observer.evaluated(evaluation, is_best, self.network.to_arrays)

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """Let the network be the average of its past ones in the block, where the optimizer keeps one."""
        averages = self._training_step.optimizer.averages if self.position.updates else {}
        variables = {name: self.network.variables_by_name[name] for name in averages}
        before = {name: variable.numpy() for name, variable in variables.items()}
        for name, average in averages.items():
            variables[name].assign(average)
        try:
            yield
        finally:
            for name, variable in variables.items():
                variable.assign(before[name])

    @property
    def _is_judged(self) -> bool:
        """Whether there is a validation text to judge by."""
        return len(self.job.valid) > 1

    def _is_lost(self) -> bool:
        """Whether the network as it was evaluated just now is of no use any more."""
        is_number = not self._is_judged or math.isfinite(self.history[-1].valid_nats_per_char)
        return not (is_number and are_usable(self.network.to_arrays()))

    def _ends_epoch(self, evaluation: Evaluation) -> bool:
        return evaluation.step % self.batches.steps_per_epoch == 0

    def _is_evaluation_due(self, step: int) -> bool:
        return step >= self.position.total_steps or self._evaluation_times.is_due(step)

    def _is_out_of_patience(self) -> bool:
        patience = self.job.training.patience
        return patience > 0 and self._is_judged and self.position.bad_evaluations >= patience

    def _progress(self) -> Progress:
        position = self.position
        seconds_left = self._pace.seconds_until(position.total_steps)
        if (limit := self.job.training.max_minutes) is not None:
            seconds_left = min(math.inf if seconds_left is None else seconds_left, limit * 60 - position.elapsed)
        return Progress(
            step=position.step,
            total_steps=position.total_steps,
            epoch=position.step / self.batches.steps_per_epoch,
            nats_per_char=position.sum_nats / (position.sum_steps or 1),
            chars_per_second=position.sum_steps * self._chars_per_step / max(1e-9, position.sum_seconds),
            seconds_left=None if seconds_left is None else max(0.0, seconds_left),
        )
