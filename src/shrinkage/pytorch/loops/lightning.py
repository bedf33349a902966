"""Terms in a Lightning training: one callback, and the module stays as it is.

Who uses this: people who train with `lightning.pytorch` or `pytorch_lightning`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from torch.optim import Optimizer

from shrinkage.errors import InputError
from shrinkage.extras import is_installed, needs
from shrinkage.pytorch.attachment import Attachment
from shrinkage.pytorch.loops.sessions import Request, Session, refuse_gradient
from shrinkage.terms import as_terms, checked_update


def _callback_class() -> Any:
    """Return the base class of the package that is there; the Trainer of either takes both."""
    if is_installed("pytorch_lightning") and not is_installed("lightning"):
        from pytorch_lightning import Callback
    else:
        with needs("lightning"):
            from lightning.pytorch import Callback
    return Callback


class Regularize(_callback_class()):
    """Attach terms to an optimizer of a LightningModule for as long as `Trainer.fit` runs.

    Formula: every step minimizes loss + Σ strength·penalty, as `regularize` does.

    Args:
        terms: strengths times penalties on selections; names are those of the LightningModule.
        update: how terms that name no update enter training: "proximal", "decoupled" or "loss"
            (add `callback.attachment.loss()` to the loss that `training_step` returns).
        optimizer: which one of `configure_optimizers`: its position, or the name of its class.
            One callback an optimizer.
        options: further arguments of `regularize`.

    Raises:
        InputError: terms or update that are none; at fit, no such optimizer.
        UnsupportedOptimizer: at fit, update="gradient", or an optimizer that is not torch's.

    >>> from shrinkage import L1
    >>> callback = Regularize(1e-4 * L1())  # Trainer(callbacks=[callback])
    >>> callback.attachment is None  # until a fit begins
    True

    Source: the hooks of `regularize`; Lightning, Callback.
    """

    def __init__(
        self,
        terms: Any,
        update: str = "proximal",
        *,
        optimizer: int | str = 0,
        **options: Any,
    ) -> None:
        self.request = Request(as_terms(terms), checked_update(update), options)
        self.optimizer = optimizer
        self.session = Session()
        self._zeros: Mapping[str, int] = {}  # at the end of the last epoch

    @property
    def attachment(self) -> Attachment | None:
        """The attachment of the present or the last fit."""
        return self.session.attachment

    @property
    def state_key(self) -> str:
        """The name of the state in a checkpoint, one an optimizer."""
        return f"shrinkage.Regularize(optimizer={self.optimizer!r})"

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:  # noqa: ARG002
        """Refuse before anything is loaded what would fail at the first step."""
        if stage == "fit":
            self._zeros = {}
            self.session.forget()
            refuse_gradient(self.request, "Lightning")

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Attach: the optimizers exist, and a checkpoint has been restored."""
        optimizer = chosen_optimizer(trainer.optimizers, self.optimizer)
        self.session.begin(optimizer, pl_module, self.request)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Count the zeros that training has made."""
        self._zeros = self.session.zeros()

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Detach."""
        self.session.end()

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Say so where other weights have taken the place of the trained ones, and lost zeros."""
        now = self.session.zeros()
        lost = {name: count for name, count in self._zeros.items() if now.get(name, count) < count}
        if lost:
            name, count = next(iter(lost.items()))
            warnings.warn(
                f"exact zeros are lost after the last epoch ({name}: {count} before, {now[name]} "
                "now), since other weights have taken the place of the trained ones: where a "
                "callback averages them, give it the zeros, as in "
                "WeightAveraging(multi_avg_fn=shrinkage.pytorch.keep_zeros(…))",
                UserWarning,
                stacklevel=2,
            )

    def on_exception(self, trainer: Any, pl_module: Any, exception: Any) -> None:  # noqa: ARG002
        """Detach."""
        self.session.end()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs: plain numbers and tensors."""
        return self.session.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take the state of a checkpoint; it waits for the training to start."""
        self.session.load_state_dict(state_dict)


def chosen_optimizer(optimizers: list[Any], chosen: int | str) -> Optimizer:
    """Return the optimizer at a position or with a class name.

    Raises:
        InputError: none or several are like that; the message lists what there is.

    >>> import torch
    >>> weight = torch.nn.Parameter(torch.ones(1))
    >>> both = [torch.optim.SGD([weight], lr=0.1), torch.optim.Adam([weight])]
    >>> chosen_optimizer(both, "Adam") is both[1]
    True
    """
    names = [type(optimizer).__name__ for optimizer in optimizers]
    fitting = [i for i, name in enumerate(names) if chosen in (i, name)]
    if len(fitting) != 1:
        listed = ", ".join(f"{i}: {name}" for i, name in enumerate(names)) or "none"
        raise InputError(
            f"expected one optimizer of configure_optimizers ({listed}), got {chosen!r}: "
            "give a position in that list"
        )
    return optimizers[fitting[0]]
