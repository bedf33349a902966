"""`shrinkage.pytorch.audit`: does the regularization of a PyTorch loop do what it says?

Who uses this: people with a training loop, `shrinkage audit`, `assert_regularized`. It takes three
steps on a copy, with all strengths times 0, 1 and 2, and adds what can be read off the model and
the optimizer.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer

from shrinkage.audits.expected import Expectation
from shrinkage.audits.findings import Finding, Report, finding, make_report
from shrinkage.audits.judge import judge
from shrinkage.audits.measure import Measured
from shrinkage.audits.neutral import (
    allowed_by,
    check_strengths,
    expectation_of,
    unrepeatable,
    words_of,
)
from shrinkage.audits.verdicts import Case
from shrinkage.errors import InputError, OwnDecayWarning, UnmatchedPattern
from shrinkage.pytorch.audits.invariant import scale_invariant
from shrinkage.pytorch.audits.kept import Kept
from shrinkage.pytorch.audits.outlook import about_zero, collapse, layer_of
from shrinkage.pytorch.audits.runs import Runs, TrainingStep
from shrinkage.pytorch.audits.static import ADAPTIVE, RULES_OF_FACTS, Facts
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.audits.wanted import wanted_terms
from shrinkage.pytorch.audits.watch import Watch
from shrinkage.terms import Assignment, Term, Terms, as_terms, assign, checked_update


def audit(
    model: nn.Module,
    optimizer: Optimizer,
    training_step: TrainingStep,
    batch: Any,
    terms: Term | Terms | Iterable[Term] | None = None,
    *,
    update: str | None = None,
    steps_per_epoch: float | None = None,
    seed: int = 0,
) -> Report:
    """Return whether the terms of a PyTorch loop arrive: once, where, and how strongly.

    The factor of a parameter is ⟨g(s) − g(0), s·strength·∂Ω⟩ / ‖s·strength·∂Ω‖² with g the
    gradient before loss scale and clipping, or the same with displacements for what lies beside
    the gradient, over steps that a copy takes from the same start with all strengths times s.

    Args:
        model: in training or not; it is copied, and untouched bit for bit.
        optimizer: its optimizer, in any state; `regularize` may be attached to it.
        training_step: `training_step(model, optimizer, batch, scale)` takes one step on the model
            and the optimizer it is given. It multiplies penalties that it writes itself by
            `scale`; where all are in `weight_decay` or attached, the argument may be left out.
        batch: handed to it.
        terms: what should arrive; None: what `weight_decay` and attached terms stand for.
        update: by which update; None accepts any and names it.
        steps_per_epoch: to say times in epochs too.
        seed: random state of every step.

    Returns:
        The `Report`.

    Raises:
        InputError: nothing to look for, a step that calls `optimizer.step()` never or twice, or
            one that needs a device which is not there.

    >>> import torch
    >>> from shrinkage import L2
    >>> model = nn.Linear(3, 2)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> def training_step(model, optimizer, batch, scale):
    ...     optimizer.zero_grad()
    ...     penalty = scale * 0.01 * model.weight.detach().pow(2).sum() / 2
    ...     (model(batch).pow(2).mean() + penalty).backward()
    ...     optimizer.step()
    >>> audit(model, optimizer, training_step, torch.ones(4, 3), 0.01 * L2()).rules
    ('no-effect',)
    """
    update = None if update is None else checked_update(update)
    _check(model, optimizer)
    twin = Twin(model, optimizer)
    wanted = wanted_terms(twin, optimizer) if terms is None else as_terms(terms)
    check_strengths(wanted)
    try:
        assignment = assign(twin.infos, wanted, update or "gradient")
    except UnmatchedPattern as error:
        return make_report([_unmatched(error)])
    with Kept(model, optimizer, training_step) as kept, warnings.catch_warnings():
        # a scheduler of the caller's optimizer, which takes no step here
        warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
        warnings.simplefilter("ignore", OwnDecayWarning)
        return _audited(
            Runs(twin, training_step, batch, seed, kept), assignment, update, steps_per_epoch
        )


def _audited(
    runs: Runs, assignment: Assignment, update: str | None, steps_per_epoch: float | None
) -> Report:
    expectations = {name: expectation_of(parts) for name, parts in assignment.parts.items()}
    allowed = {
        name: allowed_by(parts, assignment.terms, update)
        for name, parts in assignment.parts.items()
    }
    pushes: list[tuple[list[Any], bool]] = []
    once, watch = runs.measured(
        1.0, expectations, allowed, lambda found: pushes.append(_layers(runs, expectations, found))
    )
    layers, beside = pushes[0]
    twice, _ = runs.measured(2.0, expectations, allowed)
    cases = [
        Case(
            info.name,
            info.shape,
            words_of(assignment.parts[info.name], assignment.terms)
            if expectations[info.name].parts
            else "",
            allowed[info.name],
            watch.rates.get(info.name, 1.0),
            once[info.name],
            twice[info.name],
            _known(watch),
            reached=watch.gradient(info.name) is not None or not runs.zero.replayable,
            accumulates=runs.twin.attachment is not None,
            decay=runs.use_of_decay(info.name),
        )
        for info in assignment.infos
    ]
    findings, seen, found = judge(cases)
    if any(one.severity == "error" or one.rule == "cannot-judge" for one in findings):
        name = runs.repeats()
        if name is not None:
            return make_report([unrepeatable(name)], seen)
    facts = _facts(runs, assignment, cases, {one.parameter: one.mechanism for one in seen}, watch)
    for rule in (*RULES_OF_FACTS, scale_invariant):
        findings += rule(facts)
    findings += _causes(findings, watch)
    if all(one.rule not in ("no-effect", "not-finite") for one in findings):
        idle = {one.parameter for one in findings if one.rule == "scale-invariant"}
        findings += collapse(
            [layer for layer in layers if layer.name not in idle],
            assignment.terms,
            beside=beside,
            adaptive=isinstance(facts.optimizer, ADAPTIVE),
            steps_per_epoch=steps_per_epoch,
        )
    return make_report(findings, seen, found)


def _check(model: Any, optimizer: Any) -> None:
    if not isinstance(model, nn.Module):
        raise InputError(
            f"expected a torch.nn.Module, got {type(model).__name__}: give the model first"
        )
    if not isinstance(optimizer, Optimizer):
        raise InputError(
            f"expected a torch.optim.Optimizer, got {type(optimizer).__name__}: give the "
            "optimizer second"
        )


def _unmatched(error: UnmatchedPattern) -> Finding:
    return finding(
        "pattern-matches-nothing",
        "",
        str(error),
        "correct the pattern; nothing was trained",
    )


def _known(watch: Watch) -> dict[str, float]:
    """Return numbers of the loop that a wrong factor may come from."""
    import torch.distributed as distributed

    found: dict[str, float] = {"loss scale": watch.loss_scale}
    found["micro-batches"] = max(watch.counts.values(), default=1)
    if distributed.is_available() and distributed.is_initialized():
        found["processes"] = distributed.get_world_size()
    return found


def _causes(findings: list[Finding], watch: Watch) -> list[Finding]:
    """Return the rules that name the cause of a wrong factor."""
    found = []
    for one in findings:
        if one.rule != "wrong-factor":
            continue
        if "number of loss scale" in one.message:
            found.append(
                finding(
                    "amp-unscaled",
                    one.parameter,
                    f"the factor is that of the loss scale ({watch.loss_scale:g})",
                    "add the penalty to the loss before scaler.scale(loss).backward()",
                )
            )
        if "multiplied by the number of micro-batches" in one.message:
            found.append(
                finding(
                    "accumulation-multiplied",
                    one.parameter,
                    "the penalty is added in every micro-batch, while the data loss is a mean",
                    "divide the penalty by the number of micro-batches too, or add it once",
                )
            )
    return found


def _layers(
    runs: Runs, expectations: Mapping[str, Expectation], once: Mapping[str, Any]
) -> tuple[list[Any], bool]:
    """Return the pushes on every penalised weight, while the run at scale 1 stands."""
    twin = runs.twin
    names = [n for n, expected in expectations.items() if expected.parts and once[n].finite]
    adaptive = isinstance(twin.optimizer, ADAPTIVE)
    beside = adaptive and all(_is_decoupled(once[name]) for name in names)
    layers = [
        layer_of(
            name,
            about_zero(expectations[name]),
            (
                twin.start[name],
                runs.after_zero[name],
                twin.parameters[name],
                runs.gradient(name, runs.zero),
            ),
            beside=beside,
        )
        for name in names
        if twin.parameters[name].ndim >= 2
    ]
    return [layer for layer in layers if layer is not None], beside


def _is_decoupled(one: Measured) -> bool:
    """Return whether what arrived beside the gradient was no prox in the optimizer's metric."""
    if one.slope is not None and one.slope.present:
        return False
    scalar, metric = one.changes.get("decoupled"), one.changes.get("proximal")
    if scalar is None or not scalar.fits:
        return False
    return metric is None or not metric.fits or abs(scalar.factor - 1) <= abs(metric.factor - 1)


def _facts(
    runs: Runs,
    assignment: Assignment,
    cases: list[Case],
    mechanisms: Mapping[str, str],
    watch: Watch,
) -> Facts:
    twin = runs.twin
    attachment = twin.attachment
    attached = {slot.target.name for slot in attachment.slots} if attachment else set()
    return Facts(
        assignment.infos,
        assignment.parts,
        {case.name: case for case in cases},
        mechanisms,
        twin.optimizer,
        twin.held,
        watch.decays,
        frozenset(attached),
        twin.start,
        {info.name: runs.gradient(info.name, runs.zero) for info in assignment.infos},
    )
