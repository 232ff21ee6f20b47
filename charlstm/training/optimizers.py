"""Update rules, weight decay, and gradient clipping.

They call TensorFlow's fused update kernels: one pass over a variable and its slots, where an optimizer written in
single operations takes about ten passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from charlstm.config import OptimizerName


class Optimizer:
    """One update rule for a list of variables, with all of its state in `slots`.

    Weight decay is apart from the gradient, so that no slot sees it: Loshchilov and Hutter, 2017, arXiv:1711.05101;
    with plain SGD it is the same as a penalty on the squared weights.

    Args:
        name: the rule.
        variables: the tf.Variables that it updates.
        factors: name -> what the learning rate of a variable is multiplied by; 1 where a name is missing.
        weight_decay: the share of each variable that an update takes away, times its rate.
        masks: name -> what the decay of a variable is multiplied by.
        rmsprop_decay: how much of its mean of squared gradients RMSprop keeps at each update.

    Attributes:
        slots: name -> tf.Variable: all that an update depends on besides the gradient, the rate and its number.
        averages: name of a variable -> its average, the slot that evaluations take in its place; empty without any.
    """

    def __init__(
        self,
        name: OptimizerName,
        variables: dict[str, Any],
        *,
        factors: Mapping[str, float] | None = None,
        weight_decay: float = 0.0,
        masks: Mapping[str, Any] | None = None,
        rmsprop_decay: float = 0.99,
    ) -> None:
        self._rule = _RMSprop(rmsprop_decay) if name == "rmsprop" else RULES[name]()
        self._variables = variables
        self._factors, self._weight_decay, self._masks = factors or {}, weight_decay, masks or {}
        self.slots: dict[str, Any] = {}
        for slot in self._rule.slots:
            for variable_name, variable in variables.items():
                self.slots[f"{slot}/{variable_name}"] = tf.Variable(tf.zeros_like(variable), trainable=False)

        self.averages = {each: self.slots[f"average/{each}"] for each in variables if "average" in self._rule.slots}

    def apply(self, gradients: Sequence[Any], learning_rate: Any, number: Any, newest: Any = 1.0) -> None:
        """Update every variable by its gradient.

        Args:
            gradients: in the order of `variables`.
            learning_rate: of this update.
            number: of the update, counted from 1.
            newest: the share of the new variable in its average.
        """
        for (name, variable), gradient in zip(self._variables.items(), gradients, strict=True):
            slots = [self.slots[f"{slot}/{name}"].handle for slot in self._rule.slots]
            factor = self._factors.get(name, 1.0)
            rate = learning_rate if factor == 1 else learning_rate * factor
            if self._weight_decay:
                variable.assign_sub(rate * self._weight_decay * self._masks.get(name, 1.0) * variable)
            self._rule.update(variable.handle, slots, gradient, rate, number)
            if name in self.averages:
                # In this form the average is the variable to the bit while the share is 1.
                average = self.averages[name]
                average.assign((1 - newest) * average + newest * variable)


class _Adam:
    """Kingma and Ba, Adam: A Method for Stochastic Optimization, 2014, arXiv:1412.6980."""

    slots = ("mean", "square")
    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-8

    @classmethod
    def update(cls, handle: Any, slots: list[Any], gradient: Any, learning_rate: Any, number: Any) -> None:
        count = tf.cast(number, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=handle,
            m=slots[0],
            v=slots[1],
            beta1_power=tf.pow(cls.beta_1, count),
            beta2_power=tf.pow(cls.beta_2, count),
            lr=learning_rate,
            beta1=cls.beta_1,
            beta2=cls.beta_2,
            epsilon=cls.epsilon,
            grad=gradient,
        )


class _RMSprop:
    """Tieleman and Hinton, Lecture 6.5, 2012; the usual decay 0.99 is that of Fischer's transfer experiment."""

    slots = ("square", "momentum")
    epsilon = 1e-8

    def __init__(self, decay: float) -> None:
        self._decay = decay

    def update(self, handle: Any, slots: list[Any], gradient: Any, learning_rate: Any, number: Any) -> None:  # noqa: ARG002
        tf.raw_ops.ResourceApplyRMSProp(
            var=handle,
            ms=slots[0],
            mom=slots[1],
            lr=learning_rate,
            rho=self._decay,
            momentum=0.0,
            epsilon=self.epsilon,
            grad=gradient,
        )


class _SGD:
    """Plain stochastic gradient descent."""

    slots: tuple[str, ...] = ()

    @staticmethod
    def update(handle: Any, slots: list[Any], gradient: Any, learning_rate: Any, number: Any) -> None:  # noqa: ARG004
        tf.raw_ops.ResourceApplyGradientDescent(var=handle, alpha=learning_rate, delta=gradient)


class _AveragedSGD(_SGD):
    """Plain SGD beside which the variables are averaged.

    Source: Polyak and Juditsky, 1992; when to begin: Merity, Keskar and Socher, 2017, arXiv:1708.02182.
    """

    slots = ("average",)


RULES: dict[OptimizerName, Any] = {"adam": _Adam, "rmsprop": _RMSprop, "sgd": _SGD, "nt-asgd": _AveragedSGD}


def clip_by_global_norm(gradients: Sequence[Any], clip_norm: float) -> tuple[list[Any], Any]:
    """Scale all gradients together so that their common norm is at most `clip_norm`; 0 disables.

    Returns the gradients and the norm before.
    Source: Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, 2012, arXiv:1211.5063.
    """
    norm = tf.linalg.global_norm(gradients)
    if clip_norm == 0:
        return list(gradients), norm
    scale = clip_norm / tf.maximum(norm, clip_norm)
    return [gradient * scale for gradient in gradients], norm


def clip_by_group_norms(
    gradients: Sequence[Any], groups: Sequence[str], clip_norms: Mapping[str, float]
) -> tuple[list[Any], Any]:
    """Scale the gradients of each group together so that their norm is at most that of the group; 0 disables.

    Returns the gradients and the norm of all before.
    Source: Aharoni, Rattner and Permuter, Gradual Learning of RNNs, 2017, arXiv:1708.08863.
    """
    clipped: dict[int, Any] = {}
    for group in dict.fromkeys(groups):
        members = [position for position, of in enumerate(groups) if of == group]
        scaled, _ = clip_by_global_norm([gradients[position] for position in members], clip_norms[group])
        clipped.update(zip(members, scaled, strict=True))
    return [clipped[position] for position in range(len(groups))], tf.linalg.global_norm(gradients)
