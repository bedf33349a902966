"""An optimizer that holds another one may leave the steps to it: its own `step()` is never called.

Who uses this: the attachment, whose hooks are on the outer `step()`. Sharpness-aware loops call
`first_step` and `second_step` instead, and the optimizer inside steps: terms would act nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.optim import Optimizer

from shrinkage.errors import UnsupportedOptimizer
from shrinkage.pytorch.optimizers.wrappers import held_by, takes_hooks


class InnerSteps:
    """Refuses a step of an optimizer inside that is no part of a step of the outer one.

    Args:
        optimizer: the outer one, which has the terms.
        parameters: on which they act.
    """

    def __init__(self, optimizer: Optimizer, parameters: Iterable[torch.Tensor]) -> None:
        self._outer, self._depth = optimizer, 0
        own = {id(parameter) for parameter in parameters}
        inside = [
            inner
            for inner in held_by(optimizer)
            if takes_hooks(inner)
            and any(id(p) in own for group in inner.param_groups for p in group["params"])
        ]
        self._handles = [inner.register_step_pre_hook(self._refuse) for inner in inside]
        if inside:
            self._handles += [
                optimizer.register_step_pre_hook(self._enter),
                optimizer.register_step_post_hook(self._leave),
            ]

    def remove(self) -> None:
        """Take the hooks off."""
        for handle in self._handles:
            handle.remove()

    def _enter(self, *_: Any) -> None:
        self._depth += 1

    def _leave(self, *_: Any) -> None:
        self._depth -= 1

    def _refuse(self, inner: Optimizer, *_: Any) -> None:
        if self._depth:
            return
        kind = type(self._outer).__name__
        names = [name for name, value in vars(self._outer).items() if value is inner]
        place = f"its .{names[0]}" if names else f"its {type(inner).__name__}"
        raise UnsupportedOptimizer(
            f"expected {kind}.step(), at which the terms act, got a step of the "
            f"{type(inner).__name__} inside it alone, which they would miss: give regularize the "
            f"optimizer that takes the steps, {place}"
        )
