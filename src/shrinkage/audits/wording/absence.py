"""What is said of a penalty that does not arrive, or arrives where no term is.

Who uses this: `judging`. One function a sentence; which is said is decided there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shrinkage.audits.findings import Finding, finding

if TYPE_CHECKING:
    from shrinkage.audits.judging.verdicts import Case

_OVERWRITTEN = "behind the optimizer's step the loop puts other weights in the place of the stepped"
_SELECTIONS = {"bias": "biases()", "norm": "norms()", "embedding": "embeddings()"}
_KEEP_STEP = "look where the loop restores or copies weights, and let what the step has done stay"


def no_effect(cases: Sequence[Case], *, stored: bool) -> Finding:
    """Say that nothing arrives anywhere; `stored`: the optimizer does not use its setting."""
    names = ", ".join(case.name for case in cases[:4]) + (", …" if len(cases) > 4 else "")
    message = f"the step is the same with strengths times 0, 1 and 2: nothing reaches {names}"
    if all(case.overwritten for case in cases):
        return finding("no-effect", "", f"{message}; {_OVERWRITTEN}", _KEEP_STEP)
    if stored:
        return finding(
            "no-effect",
            "",
            f"{message}; the optimizer stores weight_decay and its step does not use it",
            "add the term to the loss, or shrinkage.pytorch.regularize(optimizer, model, terms)",
        )
    return finding(
        "no-effect",
        "",
        message,
        "differentiate the penalty (add it to the loss before the gradient is computed, "
        "or its gradient to the gradient), and multiply it by `scale` in the step; "
        "if it acts in some steps only, not in this step, audit one of those",
    )


def selected_unchanged(case: Case) -> Finding:
    """Say that nothing arrives here."""
    message = f"{case.words} does not arrive here, though it does elsewhere"
    if case.overwritten:
        return finding("selected-unchanged", case.name, f"{message}; {_OVERWRITTEN}", _KEEP_STEP)
    return finding(
        "selected-unchanged",
        case.name,
        message,
        "look whether the loop's list of parameters has this one, under this name",
    )


def unselected_changed(case: Case) -> Finding:
    """Say that something arrives where no term is."""
    kind = "a bias or norm" if len(case.shape) < 2 else "a parameter"
    return finding(
        "unselected-changed",
        case.name,
        f"{kind} that no term selects is changed by the strength",
        f"leave it out of the loop's penalty or decay, or select it in the terms{by_role(case)}",
    )


def by_role(case: Case) -> str:
    """Return how terms select what weights() do not."""
    selection = _SELECTIONS.get(case.role)
    return "" if selection is None else f", as .on({selection}) does"


def not_reached(case: Case) -> Finding:
    """Say that the loss does not depend on it."""
    return finding(
        "cannot-judge",
        case.name,
        "the loss of this step does not depend on it, so no step is taken on it",
        "audit a batch that uses it",
    )


def stands_still(case: Case) -> Finding:
    """Say that the learning rate is 0."""
    return finding(
        "cannot-judge",
        case.name,
        "the learning rate is 0 in this step, so nothing moves",
        "audit a step after the first of a warm-up",
    )


def no_subgradient(case: Case) -> Finding:
    """Say that the penalty's gradient is 0 where the weights are."""
    return finding(
        "cannot-judge",
        case.name,
        "no factor can be seen: all its weights are where the penalty has no slope, or in the set "
        "of a constraint already",
        "audit a step from other weights",
    )


def starts_at_zero(case: Case) -> Finding:
    """Say that a decay of it could not be seen: it would multiply zeros."""
    return finding(
        "cannot-judge",
        case.name,
        "no term selects it and it starts at 0, where a decay does nothing: whether the loop "
        "shrinks it cannot be seen",
        "audit a later step, or fill it with small numbers at the top of the step",
    )


def complex_numbers(name: str) -> Finding:
    """Say that a parameter is not looked at."""
    return finding(
        "cannot-judge",
        name,
        "no term selects it, and as it holds complex numbers it is not looked at",
        "nothing; or hold its real and imaginary parts as two parameters",
    )


def not_finite(case: Case) -> Finding:
    """Say that there are no numbers to compare."""
    return finding(
        "not-finite",
        case.name,
        "expected numbers after one step, got NaN or infinity",
        "lower the learning rate, or look for a division by 0 (a norm of zeros)",
    )


def not_repeatable(name: str) -> Finding:
    """Say that a step differs from itself."""
    return finding(
        "not-repeatable",
        name,
        "two steps with the same scale end at different weights, so nothing can be compared",
        "seed data order, dropout and noise at the top of the step, and restore all state there",
    )
