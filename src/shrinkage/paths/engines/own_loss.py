"""A data loss of the user's own: any function of outputs and targets.

Who uses this: the problem of a path whose options name one. The function is asked model by model,
or for all models at once where `vmap` gives the same; it is tried once before anything is trained.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError
from shrinkage.paths.engines.losses import StackedLoss

Function = Callable[..., Any]
CPU = torch.device("cpu")
TRIED_ROWS = 6


@dataclass(frozen=True)
class OwnLoss:
    """The loss of a function of outputs (rows, outputs) and targets (rows,).

    It returns the mean over the rows, or the loss of each row, (rows,). One output comes as
    (rows,). Several numbers or labels a row are targets of the shape of the outputs, and so may
    the losses be, which then are averaged. Where there are two classes and the function takes one
    number a row (binary cross entropy), it gets the difference of the two outputs and targets 0.0
    and 1.0.

    Args:
        function: the user's.
        base: the loss of the task, whose best constant is where that of this one is looked for.
        n_outputs: of the network.
        dtype: of its outputs.
        device: where they are.
        binary: whether the function takes the difference of two outputs.
        at_once: whether `vmap` computes it for all models.
        shape: of a row's several targets, and of its outputs; None: a row has one target.
    """

    function: Function
    base: StackedLoss
    n_outputs: int
    dtype: torch.dtype
    device: torch.device = CPU
    binary: bool = False
    at_once: bool = False
    shape: tuple[int, ...] | None = None

    @classmethod
    def of(
        cls,
        function: Function,
        base: StackedLoss,
        n_outputs: int,
        dtype: torch.dtype,
        *,
        weighted: bool,
        device: torch.device = CPU,
        shape: tuple[int, ...] | None = None,
    ) -> OwnLoss:
        """Return the loss of a function, tried on a few rows.

        Args:
            function: the user's.
            base: the loss of the task.
            n_outputs: of the network; 1: a number.
            dtype: of its outputs.
            weighted: whether rows have weights.
            device: where the outputs are.
            shape: of the targets of a row, where they are several.

        Raises:
            InputError: it fails, or returns something else than losses; or rows have weights and
                it returns a mean; or it has parameters that would have to be trained.
        """
        if isinstance(function, torch.nn.Module):
            function = copy.deepcopy(function).to(device, dtype)
        loss = cls(function, base, n_outputs, dtype, device, shape=shape)
        generator = torch.Generator().manual_seed(0)
        outputs = torch.randn(2, n_outputs, TRIED_ROWS, generator=generator, dtype=dtype)
        target = torch.arange(TRIED_ROWS) % max(2, n_outputs)
        target = target if loss.of_classes else target.to(dtype)
        if shape is not None:
            target = (target % 2).view(-1, 1).expand(-1, n_outputs)
        weight = torch.ones(TRIED_ROWS, dtype=dtype, device=device) if weighted else None
        outputs, target = outputs.to(device).requires_grad_(), target.to(device)
        loss = loss._tried(outputs, target, weight)
        if loss(outputs.detach(), target, weight).requires_grad:
            raise InputError(
                f"expected a loss that learns nothing of its own, got {called(function)} with "
                "parameters, which no optimizer has: make them a part of the network, or fix them "
                "by requires_grad_(False)"
            )
        expected = loss(outputs, target, weight)
        together = replace(loss, at_once=True)
        try:
            same = torch.allclose(together(outputs, target, weight), expected, atol=1e-6)
        except Exception:
            same = False
        return together if same else loss

    def _tried(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> OwnLoss:
        of_two = self.of_classes and self.n_outputs == 2
        kinds = [self, replace(self, binary=True)] if of_two else [self]
        failed: Exception | None = None
        for kind in kinds:
            try:
                (gradient,) = torch.autograd.grad(kind(outputs, target, weight).sum(), outputs)
            except InputError:
                raise
            except Exception as error:
                failed = failed or error
                continue
            if torch.isfinite(gradient).all() and gradient.abs().sum() > 0:
                return kind
        why = "its derivative is 0" if failed is None else one_line(failed, 160)
        raise InputError(
            f"the loss {called(self.function)} fails on outputs of shape "
            f"{(TRIED_ROWS, *(self.shape or (self.n_outputs,)))} and targets of shape "
            f"{(TRIED_ROWS, *(self.shape or ()))} ({why}); "
            "expected a function (outputs, targets) → mean loss, or one loss a row"
        )

    def __call__(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the mean loss of each model, (models,), of outputs (models, outputs, rows)."""
        if self.at_once:
            one = torch.vmap(lambda own: self._of_one(own, target, weight), randomness="same")
            return one(outputs)
        return torch.stack([self._of_one(own, target, weight) for own in outputs])

    def _of_one(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> torch.Tensor:
        if self.binary:
            losses = self.function(outputs[1] - outputs[0], target.to(outputs.dtype))
        elif self.shape is not None:
            losses = self._of_several(outputs, target)
            target = target[:, 0]
        else:
            losses = self.function(outputs[0] if len(outputs) == 1 else outputs.t(), target)
        if not isinstance(losses, torch.Tensor) or losses.shape not in ((), target.shape):
            got = tuple(getattr(losses, "shape", ())) or type(losses).__name__
            raise InputError(
                f"expected the loss {called(self.function)} to return one number, or one a row, "
                f"got {got} for {len(target)} rows"
            )
        if weight is not None and losses.ndim == 0:
            raise InputError(
                f"expected the loss {called(self.function)} to return one loss a row, since rows "
                "have weights, got a mean: for example reduction='none'"
            )
        weighted = losses if weight is None else losses * weight
        return weighted if weighted.ndim == 0 else weighted.mean()

    def _of_several(self, outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        assert self.shape is not None
        own = outputs.t().reshape(-1, *self.shape)
        losses = self.function(own, target.to(outputs.dtype).reshape(own.shape))
        of_each = isinstance(losses, torch.Tensor) and losses.shape == own.shape
        return losses.flatten(1).mean(1) if of_each else losses

    @property
    def of_classes(self) -> bool:
        """Return whether targets are numbers of classes."""
        return self.n_outputs > 1 and self.shape is None

    @property
    def by_row(self) -> bool:
        """Return whether it is a mean over the rows."""
        return self.base.by_row

    def said(self, outputs: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Return what the task's own loss says that outputs say."""
        return self.base.said(outputs, target)

    def constant(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the loss of the best constant."""
        outputs = torch.from_numpy(self.constant_outputs(target, weight, self.n_outputs))
        with torch.no_grad():
            return float(self._at(self._here(outputs), target, weight))

    def constant_outputs(
        self, target: np.ndarray, weight: np.ndarray | None, n_outputs: int
    ) -> np.ndarray:
        """Return the outputs of the best constant, searched for by L-BFGS from that of the task."""
        start = torch.from_numpy(self.base.constant_outputs(target, weight, n_outputs))
        outputs = self._here(start).clone().requires_grad_()
        search = torch.optim.LBFGS([outputs], max_iter=50, line_search_fn="strong_wolfe")

        def closure() -> torch.Tensor:
            search.zero_grad()
            loss = self._at(outputs, target, weight)
            loss.backward()
            return loss

        with torch.enable_grad():
            search.step(closure)
        with torch.no_grad():
            before = self._at(self._here(start), target, weight)
            after = self._at(outputs, target, weight)
        best = outputs.detach() if bool(after <= before) else start
        return best.double().cpu().numpy()

    def _here(self, values: torch.Tensor) -> torch.Tensor:
        return values.to(self.device, self.dtype)

    def _at(
        self, outputs: torch.Tensor, target: np.ndarray, weight: np.ndarray | None
    ) -> torch.Tensor:
        labels = torch.from_numpy(np.ascontiguousarray(target))
        labels = labels.to(self.device) if self.of_classes else self._here(labels)
        weights = None if weight is None else self._here(torch.from_numpy(weight))
        return self._of_one(outputs.view(-1, 1).expand(-1, len(target)), labels, weights)


def called(function: object) -> str:
    """Return what a function of the user's is called, with what it was made with.

    >>> called(torch.nn.HuberLoss(delta=2.0)), called(called)
    ('HuberLoss(delta=2.0)', 'called')
    """
    if isinstance(function, torch.nn.Module):
        own = {
            name: value
            for name, value in vars(function).items()
            if not name.startswith("_") and name != "training"
        }
        own |= {name: value.tolist() for name, value in function.named_buffers() if value.ndim < 2}
        usual = vars(type(function)()) if _made_bare(function) else {}
        said = [f"{n}={v!r}" for n, v in own.items() if n not in usual or usual[n] != v]
        return f"{type(function).__name__}({', '.join(said)})"
    inner = getattr(function, "func", None)
    if inner is not None:
        keywords = [f"{name}={value!r}" for name, value in function.keywords.items()]  # type: ignore
        return f"{called(inner)}({', '.join([*map(repr, function.args), *keywords])})"  # type: ignore
    return getattr(function, "__qualname__", type(function).__name__)


def _made_bare(function: torch.nn.Module) -> bool:
    try:
        type(function)()
    except Exception:
        return False
    return True
