"""What the reader of a path must know before trusting the choice.

Who uses this: `assembly`; terminal and report show the sentences.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.grid_top import GridSource
from shrinkage.paths.choosing.rules import Choice
from shrinkage.paths.engines.stationarity import CONVERGED
from shrinkage.paths.fast_validation import LeftOut
from shrinkage.paths.results.certificates import not_certified
from shrinkage.paths.results.differences import errors_needed
from shrinkage.paths.results.records import Status, standard_error
from shrinkage.paths.results.refits import Refit
from shrinkage.paths.running.memory import cap_warning
from shrinkage.paths.running.plan import Plan

MOST_TIMES_EPOCHS = 60  # one of 27 needed more
FAR_OFF = 10.0  # an untrained network is up to some units off, one of too large steps by far more

_NO_TOP = {
    GridSource.NOTHING_LEARNS: "in a short training no strength is better than a constant",
    GridSource.NO_DIFFERENCE: "in a short training no strength makes a difference",
}


def warnings_of(
    plan: Plan,
    validation: CrossValidation,
    choice: Choice,
    source: GridSource,
    left_out: LeftOut | None = None,
    refit: Refit | None = None,
) -> tuple[str, ...]:
    """Return the sentences, the most important first."""
    said = [
        _undertrained(plan, validation, choice) if plan.options.goal else _edge(validation, choice),
        _no_top(source, validation),
        _diverged(validation),
        not_certified(plan, validation, refit)
        if plan.engine.is_solver
        else _not_converged(plan, validation),
        _halved(validation),
        cap_warning(plan.options.memory_cap, plan.preparation.device),
        *refit_warnings(refit),
        _left_out(left_out),
    ]
    return tuple(sentence for sentence in said if sentence)


def _edge(validation: CrossValidation, choice: Choice) -> str:
    count = len(validation.strengths)
    if count == 1 or 0 < choice.best < count - 1 or not validation.strengths[choice.best]:
        return ""
    if choice.best == 0 and _as_good_without(validation):
        return (
            "the best strength is the smallest of the grid, and the folds cannot tell it from "
            "none: a smaller one would make no difference that they show"
        )
    if choice.best and validation.ends_empty:
        return (
            "the best strength is the largest of the grid, where every weight is zero: no model of "
            "this path does better than a constant"
        )
    edge = "smallest" if choice.best == 0 else "largest"
    return (
        f"the best strength is the {edge} of the grid, so a better one may lie beyond it; "
        "give --strengths that reach further"
    )


def refit_warnings(refit: Refit | None) -> tuple[str, ...]:
    """Return what to know of the models that were trained on all training rows."""
    said = () if refit is None else (_members_alike(refit), _started_again(refit))
    return tuple(sentence for sentence in said if sentence)


def _started_again(refit: Refit) -> str:
    """Return which models collapsed on all training rows where most of the folds' did not."""
    if not refit.starts:
        return ""
    last = [refit.outcome.status[refit.settings.rows.index(row)] for row in refit.starts]
    lost = Status.COLLAPSED in last
    strengths = ", ".join(f"{row[0]:.3g}" for row in refit.starts)
    end = "and learned from none" if lost else "and learned"
    return (
        f"at strength {strengths} the network gave (almost) the same answer for every row when it "
        "was trained on all training rows, as in most folds it had not: it was started anew from "
        f"other seeds ({max(refit.starts.values())} starts) {end}; a smaller strength is safer"
    )


def _members_alike(refit: Refit) -> str:
    weights = [own.named("weights") for own in refit.members]
    pairs = pairwise(weights)
    if not any(all(np.array_equal(one[n], other[n]) for n in one) for one, other in pairs):
        return ""
    return (
        "the networks whose mean was asked for are equal: the module starts each with the same "
        "weights, and nothing else in its training is drawn; give a function (n_inputs, n_outputs) "
        "that makes it anew"
    )


def _undertrained(plan: Plan, validation: CrossValidation, choice: Choice) -> str:
    """Return that the dense network, which a goal is measured by, has hardly learned."""
    if validation.unregularized is None:
        return ""
    place = _hardly_learned(plan, validation, choice) or _too_sure(plan, validation)
    if not place:
        return ""
    return (
        f"the dense network, which the others are compared with, has {place}: it has learned too "
        "little, or too much by heart, so that smaller ones look better than they are; try more "
        f"--epochs (here {plan.problem.recipe.epochs}), another --learning-rate, or --with 1e-3*l2"
    )


def _hardly_learned(plan: Plan, validation: CrossValidation, choice: Choice) -> str:
    """Return the dense network's score where the best of the path is far ahead of it."""
    assert validation.unregularized is not None
    dense = validation.unregularized.measures["score"][0]
    best, nothing = validation.measures["score"][choice.best], plan.constant.folds
    ahead, learned = (best - dense).mean(), (dense - nothing).mean()
    chance = np.nan_to_num(_chance(best - dense, validation.rounds))
    if learned > 0 and not ahead > max(learned, chance):
        return ""
    without = f"a model without inputs ({nothing.mean():.3g})"
    if learned > 0:
        place = f"nearer to {without} than to the best of the path ({best.mean():.3g})"
    else:
        place = f"no better than {without}, where the best of the path has {best.mean():.3g}"
    name = plan.problem.scorer.name
    return f"a score ({name}) of {dense.mean():.3g} on validation rows, {place}"


def _too_sure(plan: Plan, validation: CrossValidation) -> str:
    """Return the dense network's log loss where the shares of the classes have a smaller one."""
    assert validation.unregularized is not None
    losses = validation.unregularized.measures.get("log_loss")
    dense = math.nan if losses is None else losses[0].mean()
    nothing = plan.constant.log_loss.mean()
    if not dense > nothing:
        return ""
    return (
        f"a log loss of {dense:.3g} on validation rows, more than a model without inputs "
        f"({nothing:.3g}), as it is sure where it is wrong"
    )


def _as_good_without(validation: CrossValidation) -> bool:
    """Return whether the smallest strength scores as none does, by the folds."""
    if validation.unregularized is None:
        return False
    apart = validation.measures["score"][0] - validation.unregularized.measures["score"][0]
    return abs(apart.mean()) <= _chance(apart, validation.rounds)


def _chance(apart: np.ndarray, rounds: int) -> float:
    """Return what a mean of differences over the folds may be by chance; NaN of a single fold."""
    return errors_needed(len(apart), rounds) * float(standard_error(apart[None], rounds)[0])


def _no_top(source: GridSource, validation: CrossValidation) -> str:
    if not source.is_default:
        return ""
    low, high = validation.strengths[0], validation.strengths[-1]
    return (
        f"{_NO_TOP[source]}, so the grid is the default one, here {low:.3g} to {high:.3g}; look at "
        "the data and the learning rate, or give --strengths of your own"
    )


def _diverged(validation: CrossValidation) -> str:
    diverged = [
        f"{strength:.3g}"
        for strength, status in zip(validation.strengths, validation.status, strict=True)
        if status is Status.DIVERGED
    ]
    if not diverged:
        return ""
    return f"training diverged at strength {', '.join(diverged)}; a smaller learning rate may help"


def _left_out(left_out: LeftOut | None) -> str:
    if left_out is None or not left_out.strengths:
        return ""
    strengths = ", ".join(f"{strength:.3g}" for strength in left_out.strengths)
    return (
        f"--fast left out {len(left_out.strengths)} strengths after {left_out.epochs} of "
        f"{left_out.of_epochs} epochs ({strengths}): what is best among all may differ from the "
        "best here by about a standard error"
    )


def _halved(validation: CrossValidation) -> str:
    halved = validation.measures.get("halved_to")
    if halved is None or not halved.any():
        return ""
    least, folds = halved[halved > 0].min(), int(halved.any(axis=0).sum())
    return (
        f"memory ran out in {folds} of {halved.shape[1]} folds, which went on with {least:.0f} "
        "models at a time; results are the same up to rounding, and --memory SIZE cuts them so "
        "from the start"
    )


def _not_converged(plan: Plan, validation: CrossValidation) -> str:
    tables = [validation]
    plain = validation.unregularized
    if plain is not None and _is_linear(plan):
        tables.append(plain)  # of a network it seldom has a minimizer to end at
    open_ = [[one is Status.NOT_CONVERGED for one in table.status] for table in tables]
    counts = list(map(sum, open_))
    if not any(counts):
        return ""
    where = [f"at {counts[0]} of {len(validation.strengths)} strengths"] if counts[0] else []
    where += ["without a penalty"] if any(counts[1:]) else []
    said = f"{' and '.join(where)} training ended before a minimizer"
    residuals = [
        t.residual[o] for t, o in zip(tables, open_, strict=True) if t.residual is not None
    ]
    if not residuals:
        return said
    left = np.nanmax(np.concatenate(residuals), axis=1)
    worst = float(left.max())
    epochs = plan.problem.recipe.epochs
    rate = "another" if _far_off(validation) else "a larger"
    changes = "the best strength and the zeros" if counts[0] else "what is compared with that model"
    return (
        f"{said} (residual up to {worst:.2g}; converged is at most {CONVERGED:g}), so {changes} "
        f"may still change; try up to --epochs {more_epochs(epochs, worst)} (here {epochs}) or "
        f"{rate} --learning-rate"
    )


def _is_linear(plan: Plan) -> bool:
    """Return whether the model is one affine map, which has a minimizer without a penalty, too."""
    infos = [info for info in plan.problem.assignment.infos if info.role != "bias"]
    return len(infos) == 1 and infos[0].kind == "linear"


def _far_off(validation: CrossValidation) -> bool:
    """Return whether even the unregularized model is much farther off than a constant is."""
    plain = validation.unregularized
    residual = None if plain is None else plain.residual
    return residual is not None and bool((residual > FAR_OFF).any())


def more_epochs(epochs: int, residual: float) -> int:
    """Return the epochs that are about enough where a relative residual is left.

    It falls about as one over the epochs. Measured on nine tables, three settings each: enough in
    23 of 27, all but enough in three (0.058 at most is left), three and a half times too few in
    one, up to twenty times too many where a residual is above one.

    >>> more_epochs(100, 0.2), more_epochs(12, 0.131), more_epochs(10, 50.0)
    (400, 32, 600)
    """
    times = min(MOST_TIMES_EPOCHS, max(1.0, residual / CONVERGED))
    exact = epochs * times
    digit = 10 ** max(0, math.floor(math.log10(exact)) - 1)
    return math.ceil(round(exact / digit, 6)) * digit
