"""What the callbacks for Lightning, Transformers and skorch share: attach, detach, keep the state.

Who uses this: `shrinkage.pytorch.lightning`, `.transformers` and `.skorch`, each of which says only
when its framework begins and ends a training, and with which optimizer and model. A `Session` of
attachments and no base class: the frameworks have base classes of their own. This module imports
none of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn
from torch.optim import Optimizer

from shrinkage.errors import OwnDecayWarning, UnsupportedOptimizer
from shrinkage.pytorch.attachment import Attachment
from shrinkage.pytorch.regularize import regularize
from shrinkage.pytorch.sharding import unsharded
from shrinkage.terms import as_terms

WRAPPING = ("accelerate", "lightning", "pytorch_lightning")


@dataclass(frozen=True)
class Request:
    """What a user asked for: the arguments of `regularize` after the optimizer and the model."""

    terms: Any
    update: str = "proximal"
    options: Mapping[str, Any] = field(default_factory=dict)


class Session:
    """Attachments of one callback: one a training, and the state that goes from one to the next.

    Args:
        advice: what to do in the framework's own words where its optimizer has a weight decay.

    >>> import torch
    >>> from shrinkage import L1
    >>> model, session = nn.Linear(2, 1), Session()
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    >>> session.begin(optimizer, model, Request(0.5 * L1())) is session.attachment
    True
    >>> session.end()
    """

    def __init__(self, advice: str = "") -> None:
        self.attachment: Attachment | None = None
        self._advice = advice
        self._begun: tuple[Optimizer, Request] | None = None
        self._attached = False
        self._waiting: Mapping[str, Any] | None = None

    def begin(self, optimizer: Any, model: nn.Module, request: Request) -> Attachment:
        """Attach the terms, with the state that waits, or that the same optimizer had before.

        Args:
            optimizer: the optimizer that will step, or a framework's wrapper of it.
            model: the model, or a wrapper of it for several devices or compilation.
            request: terms, update and options.

        Raises:
            UnsupportedOptimizer: the framework steps with something else than torch.optim.
        """
        self.end()
        optimizer = real_optimizer(optimizer)
        state = self._waiting
        if state is None and self._begun == (optimizer, request):
            state = self._state()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            attachment = regularize(
                optimizer, real_model(model), request.terms, request.update, **request.options
            )
        self.attachment, self._attached = attachment, True
        self._begun, self._waiting = (optimizer, request), None
        try:
            if state:
                attachment.load_state_dict(state)
            for warning in told:
                self._tell(warning)
        except BaseException:
            self.end()
            raise
        return attachment

    def end(self) -> None:
        """Detach; `attachment` stays, to be looked at."""
        if self._attached and self.attachment is not None:
            self.attachment.detach()
        self._attached = False

    def zeros(self) -> dict[str, int]:
        """Return how many weights are exactly zero, by parameter, where terms make them so."""
        slots = () if self.attachment is None else self.attachment.slots
        return {
            slot.target.name: int((slot.parameter.detach() == 0).sum())
            for slot in slots
            if slot.makes_zeros
        }

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the attachment, or that which waits for one.

        Frameworks save it on one process, so tensors in shards are gathered: all have to ask.
        """
        return _gathered(self._state())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take a state for the next training; an empty one means to begin afresh."""
        self._waiting = state

    def forget(self) -> None:
        """Drop a state that waits: the training that it was for did not come."""
        self._waiting = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle or a copy needs: hooks belong to one optimizer, and stay there."""
        return {
            **self.__dict__,
            "attachment": None,
            "_attached": False,
            "_begun": None,
            "_waiting": self.state_dict() or None,
        }

    def _state(self) -> dict[str, Any]:
        if self._waiting is not None:
            return dict(self._waiting)
        return {} if self.attachment is None else self.attachment.state_dict()

    def _tell(self, warning: warnings.WarningMessage) -> None:
        text = str(warning.message)
        advice = (
            f"; {self._advice}"
            if self._advice and issubclass(warning.category, OwnDecayWarning)
            else ""
        )
        warnings.warn(f"{text}{advice}", warning.category, stacklevel=3)


def _gathered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _gathered(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_gathered(inner) for inner in value]
    return unsharded(value)


def real_optimizer(optimizer: Any) -> Optimizer:
    """Return the optimizer of torch inside the wrappers of accelerate or Lightning.

    Raises:
        UnsupportedOptimizer: there is none, as with DeepSpeed.

    >>> import torch
    >>> real_optimizer(torch.optim.SGD([nn.Parameter(torch.ones(1))])).defaults["lr"]
    0.001
    """
    while type(optimizer).__module__.partition(".")[0] in WRAPPING:
        optimizer = getattr(optimizer, "optimizer", None)
    if not isinstance(optimizer, Optimizer):
        raise UnsupportedOptimizer(
            f"expected an optimizer of torch.optim, got {type(optimizer).__name__}, which steps "
            "without the hooks that terms need: train with another strategy"
        )
    return optimizer


def real_model(model: nn.Module) -> nn.Module:
    """Return the model inside wrappers for several devices and compilation: its names are known.

    >>> real_model(nn.DataParallel(nn.Linear(2, 1)))
    Linear(in_features=2, out_features=1, bias=True)
    """
    while True:
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        elif isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        else:
            return model


def refuse_gradient(request: Request, framework: str) -> None:
    """Refuse update="gradient" where a framework computes gradients inside `optimizer.step`.

    Raises:
        UnsupportedOptimizer: a term has this update.

    >>> from shrinkage import L1
    >>> refuse_gradient(Request(0.5 * L1()), "Lightning")
    """
    for term in as_terms(request.terms):
        if (term.update or request.update) == "gradient":
            raise UnsupportedOptimizer(
                f"expected update='proximal', 'decoupled' or 'loss', got 'gradient' for {term!r}: "
                f"{framework} calls optimizer.step(closure), which computes the gradients anew; "
                "'proximal' and 'loss' solve the same problem"
            )
