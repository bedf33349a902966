"""`shrinkage.pytorch.audit`: does the regularization of a PyTorch loop do what it says?

Who uses this: people with a training loop, `shrinkage audit`, `assert_regularized`. It takes three
steps on a copy, with all strengths times 0, 1 and 2, and adds what can be read off the model and
the optimizer.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from torch import nn
from torch.optim import Optimizer

from shrinkage.audits.findings import Finding, Report, Seen, finding, make_report
from shrinkage.audits.intended import check_strengths, intended_by, sizes_in, usual_update
from shrinkage.audits.judging import Case, judge
from shrinkage.audits.measuring import Measured
from shrinkage.audits.source_lines import line_of, line_of_argument, with_lines
from shrinkage.audits.wording.absence import complex_numbers, not_repeatable
from shrinkage.audits.wording.unscaled import in_hooks
from shrinkage.errors import InputError, OwnDecayWarning, UnmatchedPattern
from shrinkage.parameters import ParameterInfo
from shrinkage.pytorch.audits.beside_attached import by_attached
from shrinkage.pytorch.audits.beside_terms import by_own_decay
from shrinkage.pytorch.audits.clipping import scaled_gradients
from shrinkage.pytorch.audits.closures import by_closure
from shrinkage.pytorch.audits.data_share import of_the_data
from shrinkage.pytorch.audits.invariant import scale_invariant
from shrinkage.pytorch.audits.lengths import lengths_are_set, set_lengths
from shrinkage.pytorch.audits.loop_causes import (
    by_cause,
    by_outside,
    numbers_of,
    other_rates,
    without_consequences,
)
from shrinkage.pytorch.audits.loop_rules import RULES_OF_FACTS, LoopFacts
from shrinkage.pytorch.audits.measuring import farthest_of, measure_run
from shrinkage.pytorch.audits.mixtures import (
    beside_their_decay,
    mechanisms_of,
    without_their_decay,
)
from shrinkage.pytorch.audits.optimizer_copies import has_hooks
from shrinkage.pytorch.audits.origins import origins_of
from shrinkage.pytorch.audits.outlook import Outlook
from shrinkage.pytorch.audits.runs import Runs
from shrinkage.pytorch.audits.second_strength import tells_twice
from shrinkage.pytorch.audits.step_call import NeverStepped, StepCall, TrainingStep
from shrinkage.pytorch.audits.surroundings import Surroundings
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.audits.unscaled import by_unscaled, pulls_of
from shrinkage.pytorch.audits.wanted import on_no_parameter, wanted_terms
from shrinkage.pytorch.audits.watch import Watch
from shrinkage.pytorch.audits.wrappers import held_alone, rewrapped, stepping
from shrinkage.pytorch.audits.zeroed import lost_layers
from shrinkage.pytorch.sharding import is_sharded
from shrinkage.terms import Assignment, Term, Terms, as_terms, assign, checked_update

_SCALE = 3  # the place of a training step's argument that multiplies its penalty


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
        InputError: nothing to look for, a step that calls `optimizer.step()` never or twice, one
            that needs a device which is not there, or a model in shards.

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
    asked = terms is not None
    named = {"update": update, "steps_per_epoch": steps_per_epoch, "seed": seed}
    return audit_as(model, optimizer, training_step, batch, terms, asked=asked, **named)


def audit_as(
    model: nn.Module,
    optimizer: Optimizer,
    training_step: TrainingStep,
    batch: Any,
    terms: Term | Terms | Iterable[Term] | None,
    *,
    asked: bool,
    update: str | None = None,
    steps_per_epoch: float | None = None,
    seed: int = 0,
) -> Report:
    """Return what `audit` returns; `asked` says whether a person has given the terms.

    Terms that stand for a setting are there to name who is meant by it: a rule of the optimizer's
    own by which it acts is no error then.
    """
    update = None if update is None else checked_update(update)
    _check(model, training_step)
    if terms is not None:
        terms = as_terms(terms)
        check_strengths(terms)
    options = partial(
        _audit, model, training_step, batch, terms, asked, update, steps_per_epoch, seed
    )
    outer, alone = stepping(optimizer)
    try:
        return options(optimizer, outer, alone=alone)
    except NeverStepped:
        inner = held_alone(outer)
        if inner is None:
            raise
        return options(optimizer, inner, alone=True)


def _audit(
    model: nn.Module,
    training_step: TrainingStep,
    batch: Any,
    terms: Terms | None,
    asked: bool,
    update: str | None,
    steps_per_epoch: float | None,
    seed: int,
    wrapper: Any,
    optimizer: Optimizer,
    *,
    alone: bool,
) -> Report:
    """Audit the steps of one optimizer; the loop is handed the wrapper, around a copy of it."""
    twin = Twin(model, optimizer)
    twin.refuse_complex(terms)
    twin.steps_bare = alone
    lines = line_of(training_step), line_of_argument(training_step, _SCALE)
    origins = origins_of(model, optimizer, *lines)
    call = StepCall(training_step, batch, seed, partial(rewrapped, wrapper, optimizer))
    with (
        Surroundings(model, optimizer, training_step, batch, wrapper) as surroundings,
        warnings.catch_warnings(),
    ):
        # a scheduler of the caller's optimizer, which takes no step here
        warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
        warnings.simplefilter("ignore", OwnDecayWarning)
        runs = Runs(twin, call, surroundings)
        nowhere = on_no_parameter(twin) if terms is None else []
        if nowhere:
            return with_lines(make_report(nowhere), origins)
        wanted = terms  # a loop may set its decay itself
        if wanted is None:
            wanted = wanted_terms(twin, runs.zero.thawed, runs.decays)
        check_strengths(wanted)
        try:
            assignment = assign(_as_trained(runs), wanted, update or usual_update(wanted))
        except UnmatchedPattern as error:
            return with_lines(make_report([_unmatched(error)]), origins)
        report = _audited(
            runs, assignment, update, steps_per_epoch, asked=asked, given=terms is not None
        )
    return with_lines(report, origins)


def _audited(
    runs: Runs,
    assignment: Assignment,
    update: str | None,
    steps_per_epoch: float | None,
    *,
    asked: bool,
    given: bool,
) -> Report:
    intended = intended_by(assignment, update)
    outlooks: list[Outlook] = []
    lengths: dict[str, str] = {}
    farthest: dict[str, float | None] = {}

    def look(seen: Mapping[str, Measured], watch: Watch) -> None:
        outlooks.append(Outlook.of(runs, intended, seen, watch))
        standing = [name for name, meant in intended.items() if meant.words]
        lengths.update(set_lengths(runs, standing))
        farthest.update({name: farthest_of(runs, name, seen[name]) for name in standing})

    once, watch = measure_run(runs, 1.0, intended, look)
    of_data = of_the_data(runs, watch, once, intended)
    reached = {name for name in intended if watch.gradients.of_loss(name) is not None}
    if not (runs.zero.scales_gradients or watch.scales_gradients):
        watch.forget()
    told = tells_twice(runs, once, intended, watch)
    twice = once if told else measure_run(runs, 2.0, intended)[0]
    known, sizes = numbers_of(watch, runs.zero), sizes_in(intended, runs.twin.start)
    cases = {
        info.name: Case(
            info.name,
            info.shape,
            intended[info.name].words,
            intended[info.name].allowed,
            runs.rate(info.name, watch) if info.name in runs.twin.held else 1.0,
            once[info.name],
            twice[info.name],
            known,
            partial(sizes, info.name),
            other_rates(info.name, watch, once),
            reached=info.name in reached or not runs.zero.replayable,
            accumulates=runs.twin.their_attachment is not None,
            held_back=info.name in runs.held_back,
            overwritten=info.name in runs.overwritten,
            own=runs.decays.get(info.name),
            asked=asked,
            is_set=intended[info.name].is_set,
            set_length=lengths.get(info.name, ""),
            role=info.role,
        )
        for info in assignment.infos
    }
    left = beside_their_decay(runs, assignment, update, intended, watch.decays)
    cases = without_their_decay(runs, left, intended, cases)
    judgement = by_attached(judge(tuple(cases.values())), runs, {**intended, **left}, cases)
    if of_data:
        return make_report(of_data, judgement.seen)
    found = judgement.findings
    if given:
        found = by_own_decay(found, runs, intended, cases, watch, left)
    pulls = pulls_of(runs, intended)
    found, table = by_unscaled(found, judgement.seen, pulls, reads_scale=runs.may_scale)
    findings = by_outside(by_cause(found), watch)
    findings = by_closure(findings, runs, assignment.terms, cases, watch)
    if any(said.severity == "error" or said.rule == "cannot-judge" for said in findings):
        name = runs.repeats()
        if name is not None:
            return make_report([not_repeatable(name)], table)
    mechanisms = {seen.parameter: seen.mechanism for seen in table}
    facts = LoopFacts.of(runs, assignment, cases, mechanisms, watch, given=asked, mixed=left)
    for rule in (*RULES_OF_FACTS, scaled_gradients, scale_invariant):
        findings += rule(facts)
    by = {one.parameter: mechanisms_of(one, runs, left) for one in table}
    seen = tuple(
        replace(
            one,
            mechanism=by[one.parameter],
            expected=intended[one.parameter].words,
            farthest=farthest.get(one.parameter) if one.mechanism == "proximal" else None,
        )
        for one in table
    )
    findings = [*without_consequences(findings), *lengths_are_set(cases)]
    if all(said.rule not in ("no-effect", "not-finite") for said in findings):
        idle = frozenset(said.parameter for said in findings if said.rule == "scale-invariant")
        lost = lost_layers(facts, outlooks[0].taken, outlooks[0].carrying)
        foreseen = outlooks[0].collapse(assignment.terms, idle, steps_per_epoch)
        findings += lost or foreseen
    findings += [complex_numbers(info.name) for info, _ in runs.twin.complex]
    hooked = has_hooks(runs.twin.their_optimizer)
    findings += [in_hooks()] if hooked else []
    unseen = hooked or any(not pull.words for pull in pulls)
    of_all = {one.mechanism for one in seen if one.expected} if left and asked else set()
    named = None if left else judgement.update
    update = of_all.pop() if len(of_all) == 1 and _all_told(seen) else named
    return make_report(findings, seen, update, only_scaled=unseen)


def _all_told(seen: Iterable[Seen]) -> bool:
    return all(one.factor is not None for one in seen if one.expected)


def _check(model: Any, training_step: Any) -> None:
    if not isinstance(model, nn.Module):
        raise InputError(
            f"expected a torch.nn.Module, got {type(model).__name__}: give the model first"
        )
    shards = [name for name, tensor in model.named_parameters() if is_sharded(tensor)]
    if shards:
        raise InputError(
            f"expected a model that lies whole on one process, got {shards[0]} and "
            f"{len(shards) - 1} others in shards (fully_shard, or tensor parallel), of which an "
            "audit can make no copy: audit the same loop on one process, on the model before it "
            "is sharded; a penalty enters the step in the same way on both"
        )
    if not callable(training_step):
        raise InputError(
            "expected training_step(model, optimizer, batch, scale), a function, got "
            f"{type(training_step).__name__}: give it third, before the batch"
        )


def _as_trained(runs: Runs) -> list[ParameterInfo]:
    """Return what is known of the parameters, those that the step itself lets train as trained."""
    infos, thawed = runs.twin.infos, runs.zero.thawed
    return [replace(info, trainable=info.trainable or info.name in thawed) for info in infos]


def _unmatched(error: UnmatchedPattern) -> Finding:
    return finding(
        "pattern-matches-nothing",
        "",
        str(error),
        "correct the pattern; nothing was trained",
    )
