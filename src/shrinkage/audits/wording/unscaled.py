"""What is said of penalties that are there with all strengths at 0, or might be.

Who uses this: the audit of PyTorch, which looks for them.
"""

from __future__ import annotations

from shrinkage.audits.findings import Finding, Seen, finding

IN_GRADIENT, IN_UPDATE = "in the gradient", "in the update of the weights"
_NO_SCALE = "no `scale` multiplies that, it is there with strengths times 0 too"
_ONE = 0.01


def again(seen: Seen, words: str, factor: float, place: str) -> Finding:
    """Say that a term's penalty is there once more."""
    return finding(
        "double-counted",
        seen.parameter,
        f"{seen.expected} arrives ({seen.mechanism}, {seen.factor:.4g} times), and {words} once "
        f"more {place} ({factor:.4g} times): {_NO_SCALE}",
        "keep one: take the penalty out of the loop, or what strengths reach "
        "(the optimizer's weight_decay, terms of regularize)",
    )


def of_another_kind(seen: Seen, words: str, factor: float, place: str) -> Finding:
    """Say that a penalty is there that no term names."""
    what = words if " + " in words else f"{factor:.3g} * {words}"
    if seen.expected:
        return finding(
            "penalised-twice",
            seen.parameter,
            f"{what}, which no term names, acts {place} beside {seen.expected}: {_NO_SCALE}",
            "name it in the terms and multiply it by `scale` in the step, or leave it out",
            severity="warning",
        )
    return finding(
        "unselected-changed",
        seen.parameter,
        f"no term selects it, and {what} acts on it {place}: {_NO_SCALE}",
        "name it in the terms and multiply it by `scale` in the step, or leave it out",
        severity="warning",
    )


def alone(name: str, words: str, factor: float, place: str, *, reads_scale: bool) -> Finding:
    """Say that all that arrives is there at any strength."""
    message = f"{words} acts {place} ({factor:.4g} times), and no `scale` multiplies it"
    right = abs(factor - 1) <= _ONE
    return finding(
        "not-linear" if right else "wrong-factor",
        name,
        message,
        "multiply it by `scale` in the step, training_step(model, optimizer, batch, scale)"
        + ("" if right else f", and by {1 / factor:.4g}, or correct the terms"),
        severity="warning" if right and not reads_scale else None,
    )


def untold(name: str) -> Finding:
    """Say that what goes around the model's outputs may hold a penalty."""
    return finding(
        "cannot-judge",
        name,
        "the loop uses it beside the model's modules, or works on its gradient: whether a penalty "
        "is in that, which no `scale` multiplies, cannot be told",
        "multiply every penalty of the step by `scale`: "
        "training_step(model, optimizer, batch, scale)",
    )


def in_hooks() -> Finding:
    """Say that hooks on the caller's optimizer are not looked at."""
    return finding(
        "cannot-judge",
        "",
        "the optimizer has hooks on its step, which the copy that is audited has not: what they do "
        "to the weights is not seen",
        "register them in the training step, on the optimizer that it is given",
    )
