"""Which optimizer carries which update, and why not: the one registry of refusals.

Who uses this: `Attachment`, before it registers a hook; the tests, which try every combination;
and the table in the documentation, which is generated from them. A combination is either tested
or refused here with its reason. Refusals of `proximal` for want of a metric are in `metrics`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch.optim import LBFGS, Adafactor, Optimizer, SparseAdam

from shrinkage.errors import InputError, UnsupportedOptimizer

_LINE_SEARCH = (
    "its line search and its history evaluate the loss several times a step, and have to see the "
    "penalty in it"
)
_SPARSE = "it moves only the rows of a sparse gradient, while a penalty acts on all of them"

# optimizer → update → the reason for which it cannot be right.
REFUSED: dict[type[Optimizer], dict[str, str]] = {
    LBFGS: dict.fromkeys(("gradient", "decoupled", "proximal"), _LINE_SEARCH),
    SparseAdam: dict.fromkeys(("loss", "gradient", "decoupled", "proximal"), _SPARSE),
}
_INSTEAD = {
    LBFGS: "use update='loss' and add attachment.loss() in the closure",
    SparseAdam: "build the layer with sparse=False and use Adam",
}


def refusal(optimizer: type[Optimizer], update: str) -> str | None:
    """Return why an optimizer cannot carry an update, None if it can.

    Args:
        optimizer: its class.
        update: "loss", "gradient", "decoupled" or "proximal".

    Returns:
        The reason as half a sentence.

    >>> from torch.optim import SGD
    >>> refusal(SGD, "proximal") is None
    True
    >>> refusal(SparseAdam, "gradient")
    'it moves only the rows of a sparse gradient, while a penalty acts on all of them'
    """
    for kind, reasons in REFUSED.items():
        if issubclass(optimizer, kind):
            return reasons.get(update)
    return None


def check_support(optimizer: Optimizer, updates: Iterable[str]) -> None:
    """Refuse the updates that an optimizer cannot carry.

    Raises:
        UnsupportedOptimizer: with the reason and what works instead.
    """
    for update in updates:
        reason = refusal(type(optimizer), update)
        if reason is not None:
            kind = next(kind for kind in REFUSED if isinstance(optimizer, kind))
            raise UnsupportedOptimizer(
                f"expected an optimizer that carries update={update!r}, got {kind.__name__}: "
                f"{reason}; {_INSTEAD[kind]}"
            )


def check_sharded(optimizer: Optimizer, name: str) -> None:
    """Refuse an optimizer that cannot train a parameter in pieces.

    Raises:
        UnsupportedOptimizer: Adafactor, whose own step takes norms of the piece for the whole's.
    """
    if isinstance(optimizer, Adafactor):
        raise UnsupportedOptimizer(
            f"expected an optimizer that trains {name} in pieces on several processes, got "
            "Adafactor, whose step in torch takes the norm of a piece for that of the whole: "
            "use Adam or AdamW"
        )


def check_group(name: str, group: Mapping[str, Any], updates: Iterable[str]) -> None:
    """Refuse the options of a parameter group with which an update cannot be right.

    Args:
        name: of a parameter in the group, for the message.
        group: the parameter group of the optimizer.
        updates: of the terms on that parameter.

    Raises:
        UnsupportedOptimizer: no learning rate, `differentiable`, or `maximize` with "loss".
        InputError: a learning rate of 0 that no schedule will raise.
    """
    updates = tuple(updates)
    acting = any(update in ("decoupled", "proximal") for update in updates)
    if acting and "lr" not in group:
        raise UnsupportedOptimizer(
            f"expected a learning rate in the optimizer's groups, got none for {name}: "
            "use update='gradient' or 'loss'"
        )
    if group.get("differentiable") and updates:
        raise UnsupportedOptimizer(
            "expected an optimizer with differentiable=False, got one that is differentiated "
            "through: use penalty_loss"
        )
    if group.get("maximize") and "loss" in updates:
        raise UnsupportedOptimizer(
            f"expected update='loss' with a loss to be minimized, got maximize=True for {name}: "
            "use another update"
        )
    if float(group.get("lr", 1.0)) == 0 and not float(group.get("initial_lr", 0.0)) > 0:
        raise InputError(
            f"expected a learning rate above 0, got 0 for the group of {name}, so that nothing "
            "would move: set lr, or build the scheduler that raises it before regularize"
        )
