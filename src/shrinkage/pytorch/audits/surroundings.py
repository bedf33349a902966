"""What a training step refers to beside its arguments, given back as it was.

Who uses this: `audit`. A loop's scaler, its scheduler, an average of the weights, the other network
of a GAN are neither its model nor its optimizer, so no copy of them can be handed in: they are set
back before every run and at the end, bit for bit. A step that would train the caller's own
optimizer is stopped before it does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Optimizer

from shrinkage.errors import InputError
from shrinkage.pytorch.audits.snapshot import Snapshot


class Surroundings:
    """What a step can reach, given back; a context that gives it back at its end too.

    Args:
        model: the caller's; its gradients are given back whether the step can reach it or not.
        optimizer: the caller's, and its groups.
        step: what it refers to, and what that refers to, is remembered.
        batch: as the step.
        wrapper: what holds the optimizer, if anything does: what it keeps beside is the loop's too.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        step: Callable[..., Any],
        batch: Any = None,
        wrapper: Any = None,
    ) -> None:
        self._optimizer = optimizer
        kept = {} if wrapper is None or wrapper is optimizer else vars(wrapper)
        groups = optimizer.param_groups, optimizer.state
        beside = {
            name: value
            for name, value in kept.items()
            if not isinstance(value, Optimizer) and all(value is not own for own in groups)
        }
        self._roots = {"training_step": step, "batch": batch, "optimizer": beside}
        self._gradients = [(parameter, parameter.grad) for parameter in model.parameters()]

    def restore(self) -> None:
        """Give everything back.

        Raises:
            InputError: the step has changed something that has no way back.
        """
        self._give_back()
        stuck = self._snapshot.stuck()
        if stuck is not None:
            raise InputError(
                f"expected a training_step that can be taken again, got one that changes {stuck}: "
                "do that outside of the step (fetch a batch there and give it as batch), or use "
                "shrinkage.audit, which takes arrays from before and after a step"
            )

    def __enter__(self) -> Surroundings:
        self._handle = self._optimizer.register_step_pre_hook(_refuse)
        self._snapshot = Snapshot(self._roots)
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()
        self._handle.remove()

    def _give_back(self) -> None:
        self._snapshot.restore()
        for parameter, gradient in self._gradients:
            if parameter.grad is not gradient:
                parameter.grad = gradient


def _refuse(*_: Any) -> None:
    raise InputError(
        "expected training_step to step the optimizer that it is given, got a call of the one "
        "outside: call optimizer.step() once, on the second argument"
    )
