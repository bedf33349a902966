"""`regularize`: terms on a compiled Keras model, through the optimizer that trains it.

Who uses this: people who train by `fit`, `train_on_batch` or their own loop over
`optimizer.apply`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from shrinkage.errors import InputError, UnmatchedPattern, UnsupportedOptimizer
from shrinkage.keras.attachment import KerasAttachment
from shrinkage.keras.forgetting import forgets
from shrinkage.keras.metrics import ADAPTIVE, metric_of
from shrinkage.keras.optimizers import stepping
from shrinkage.keras.parameters import describe, layers_by_name
from shrinkage.keras.present import check_once, decay_of, warn_of_own_decay
from shrinkage.keras.slots import PenalisedVariable, check_held, with_array
from shrinkage.parameters import ParameterInfo
from shrinkage.terms import (
    Assignment,
    StepPlan,
    Term,
    Terms,
    as_terms,
    assign,
    refuse_one_step,
)
from shrinkage.terms.schedules import Schedule, as_schedules
from shrinkage.terms.strengths import Strengths


def regularize(
    model: Any,
    terms: Term | Terms | Iterable[Term],
    update: str = "proximal",
    *,
    freeze_zeros: bool = False,
    schedule: Schedule | Sequence[Schedule | None] | None = None,
    optimizer: Any = None,
) -> KerasAttachment:
    """Let every step of a model's optimizer minimize loss + Σ strength·penalty.

    It works inside the compiled train function of TensorFlow, JAX and torch, with `jit_compile`,
    `steps_per_execution`, gradient accumulation, mixed precision and loss scaling.

    Args:
        model: a Keras model, built and compiled.
        terms: strengths times penalties on selections; parameters are named by their layers, as
            in "dense_1.kernel".
        update: how terms that name no update enter training: "proximal" (exact zeros, solves the
            penalised problem), "decoupled" or "gradient". "loss" is `regularizer(term)`.
        freeze_zeros: whether weights that a penalty has made zero stay zero, whatever momentum
            and gradients say; it can be changed later, as `attachment.freeze_zeros`.
        schedule: a factor of the strengths by the optimizer's step (0 at the first), as an array:
            `WarmUp(1000)`, `Cosine(10_000)` or a function of `keras.ops`, or one (or None) for
            each term.
        optimizer: the one that moves the selected parameters, where that is not the one that the
            model was compiled with, as in a GAN that keeps two of its own.

    Returns:
        The `KerasAttachment`: `table()`, `value()`, `zeros()`, `strengths`, `set_strength()`,
        `detach()`.

    Raises:
        UnmatchedPattern: a term selects no parameter.
        InputError: a model that is not compiled or not built, a term that the layer's own
            regularizer or the optimizer's weight_decay would count twice, or update "loss";
            parameters that the optimizer does not hold. At the end of the first epoch of `fit`,
            an optimizer that has taken no step.
        UnsupportedOptimizer: an update that cannot be right with this optimizer.
        OverlapError: terms meet on a parameter without a closed form.

    >>> import keras
    >>> from shrinkage import L1
    >>> layer = keras.layers.Dense(1, name="out")
    >>> model = keras.Sequential([keras.Input((2,)), layer])
    >>> model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    >>> print(regularize(model, 0.5 * L1()).table())
    parameter   shape  role    term        reason
    out.kernel  2x1    weight  0.5 * L1()  proximal
    out.bias    1      bias    -           bias: not penalised unless biases() is selected

    Source: Parikh and Boyd, Proximal algorithms (2014); for the diagonal metric, Lee, Sun and
    Saunders, SIAM J. Optim. 24 (2014).
    """
    optimizer = stepping(model, optimizer)
    described = [
        (_noted(info, decay_of(optimizer, variable)), variable)
        for info, variable in describe(model)
    ]
    assignment = _assigned(model, [info for info, _ in described], as_terms(terms), update)
    check_once(described, assignment.parts)
    warn_of_own_decay(described, assignment.parts, optimizer)
    slots = [
        _slot(info.name, variable, assignment, optimizer)
        for info, variable in described
        if assignment.parts[info.name]
    ]
    check_held(optimizer, slots)
    _check_average(optimizer, slots)
    _check_kept(optimizer, slots)
    given = {term_id: term.strength for term_id, term in assignment.terms.by_id.items()}
    schedules = as_schedules(schedule, len(given))
    attachment = KerasAttachment(
        model, optimizer, slots, assignment, Strengths(given, assignment.terms, schedules)
    )
    if freeze_zeros:
        attachment.freeze_zeros = True
    return attachment


def _noted(info: ParameterInfo, decay: float) -> ParameterInfo:
    """Return the info with the optimizer's own decay in its note."""
    words = f"the optimizer decays it by weight_decay={decay:g}" if decay else ""
    return replace(info, note="; ".join(filter(None, (info.note, words))))


def _assigned(model: Any, infos: Sequence[ParameterInfo], terms: Terms, update: str) -> Assignment:
    try:
        assignment = assign(infos, terms, update)
    except UnmatchedPattern as error:
        raise UnmatchedPattern(f"{error}{_without_kernel(model, terms)}") from None
    if any(part.update == "loss" for parts in assignment.parts.values() for part in parts):
        raise InputError(
            "expected an update of gradient, decoupled, proximal, got 'loss': give the layer "
            "kernel_regularizer=shrinkage.keras.regularizer(term), which Keras adds to the loss"
        )
    return assignment


def _without_kernel(model: Any, terms: Terms) -> str:
    """Return what there is to say of layers that terms name and that hold no weights."""
    words = {word for term in terms for word in term.selection.words()}
    without = [
        f"layer {name!r} is a {type(layer).__name__}, which has no kernel"
        for name, layer in layers_by_name(model).items()
        if name in words and not layer.weights
    ]
    return "".join(f"; {text}" for text in without)


def _slot(name: str, variable: Any, assignment: Assignment, optimizer: Any) -> PenalisedVariable:
    arrays: dict[int, Any] = {}  # one for all parts about the same reference
    plan = StepPlan.of(with_array(part, variable, arrays) for part in assignment.parts[name])
    metric = metric_of(optimizer) if plan.in_metric.assigned else None
    if metric in ADAPTIVE:
        penalties = [part.penalty for part in plan.in_metric.assigned]
        refuse_one_step(penalties, type(optimizer).__name__)
    return PenalisedVariable(name, variable, plan, metric)


def _check_kept(optimizer: Any, slots: Sequence[PenalisedVariable]) -> None:
    beside = any(slot.plan.before or slot.plan.after.assigned for slot in slots)
    if beside and forgets(optimizer):
        raise UnsupportedOptimizer(
            f"expected an optimizer that moves the weights it finds, got {type(optimizer).__name__}"
            " with update 'decoupled', which makes them anew from sums of its own, so that a "
            "shrink is forgotten: use update='gradient', or another optimizer"
        )


def _check_average(optimizer: Any, slots: Sequence[PenalisedVariable]) -> None:
    zeroed = [slot.name for slot in slots if slot.plan.makes_zeros]
    if optimizer.use_ema and zeroed:
        raise UnsupportedOptimizer(
            f"expected an optimizer that keeps exact zeros, got {type(optimizer).__name__} with "
            f"use_ema=True, whose averages replace them ({zeroed[0]}): build it with use_ema=False"
        )
