"""A skorch net under the audit: a clone of it, initialized, takes one step of its own.

Who uses this: `audit_trainer`. Batches come from the net's own iterator over its training rows,
and go through its `train_step` until the optimizer has stepped, so that a net that accumulates is
audited as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.base import clone
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn
from torch.optim import Optimizer

from shrinkage.errors import InputError
from shrinkage.pytorch.loops.sessions import real_optimizer
from shrinkage.pytorch.loops.skorch import Regularize
from shrinkage.pytorch.loops.trainers.base import (
    UNKNOWN_ACCUMULATION,
    LoopRequest,
    TrainerLoop,
    at_first_rate,
    attach_as,
    epoch_length,
    lines_of,
    overridden,
    taken_batches,
)
from shrinkage.pytorch.loops.trainers.stepping import closure_first, scaled, standing_in, until_step

LOSSES = ("get_loss", "train_step_single", "train_step")
REMEDY = (
    "set optimizer__weight_decay, or attach the terms with the callback "
    "Regularize; a number that get_loss multiplies its penalty by has to be named: "
    "audit_trainer(net, X, y, strengths='l2')"
)


def loop_of(net: Any, training: Sequence[Any], request: LoopRequest) -> TrainerLoop:
    """Return a step of `net.fit(*training)`, or of `partial_fit` where the net has begun.

    Raises:
        InputError: no data.
    """
    if not training:
        raise InputError("expected what net.fit takes, got no data: audit_trainer(net, X, y)")
    own = _initialized(net)
    own.check_data(*training)
    loader = own.get_iterator(own.get_split_datasets(*training)[0], training=True)
    regularizations = [c for _, c in own.callbacks_ if isinstance(c, Regularize)]
    optimizer = real_optimizer(own.optimizer_)
    at_first_rate(optimizer, request.undo)
    for callback in regularizations:
        attach_as(callback.request, optimizer, own.module_, request.undo)

    several = not regularizations and _trains_more(optimizer, own.module_)
    model = nn.ModuleDict(_modules(own)) if several else own.module_

    def step(model: Any, optimizer: Optimizer, batches: Any, scale: float) -> None:
        for name, module in model.items() if several else [("module_", model)]:
            setattr(own, name, module)
        own.optimizer_ = optimizer
        own.history.new_epoch()
        sessions = [callback.session_ for callback in regularizations]
        with (
            scaled(own, request.strengths, scale),
            standing_in(sessions, optimizer),
            closure_first(optimizer),
        ):
            arriving = until_step(batches, optimizer)
            own.run_single_epoch(arriving, training=True, prefix="train", step_fn=own.train_step)

    return TrainerLoop(
        model,
        optimizer,
        step,
        taken_batches(loader, UNKNOWN_ACCUMULATION),
        steps_per_epoch=epoch_length(loader, 1),
        remedies={"no-effect": REMEDY},
        lines=lines_of(overridden(net, NeuralNet, LOSSES), request.strengths),
    )


def _initialized(net: Any) -> Any:
    """Return a clone with module and optimizer, in the state of a net that has begun."""
    own: Any = clone(net)
    own.verbose = 0
    own.initialize()
    if net.initialized_:
        for name, module in _modules(own).items():
            module.load_state_dict(getattr(net, name).state_dict())
        own.optimizer_.load_state_dict(net.optimizer_.state_dict())
    own.callbacks_ = [(name, c) for name, c in own.callbacks_ if _takes_part(c)]
    return own


def _modules(net: Any) -> dict[str, nn.Module]:
    """Return a net's modules and criterions by their attributes."""
    return {name: value for name, value in vars(net).items() if isinstance(value, nn.Module)}


def _trains_more(optimizer: Optimizer, module: nn.Module) -> bool:
    """Return whether an optimizer holds parameters of other modules too."""
    own = {id(parameter) for parameter in module.parameters()}
    return any(id(p) not in own for group in optimizer.param_groups for p in group["params"])


def _takes_part(callback: Any) -> bool:
    """Return whether a callback has a hook between the batch and the weights, or has terms."""
    between = type(callback).on_grad_computed is not Callback.on_grad_computed
    return between or isinstance(callback, Regularize)
