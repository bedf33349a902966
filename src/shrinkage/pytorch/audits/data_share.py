"""Whether a step's `scale` multiplies the data loss too: then no factor of a penalty means a thing.

Who uses this: `audit`. A penalty leaves the gradients of parameters that no term is on as they are;
a number that multiplies the data loss multiplies all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from shrinkage.audits.findings import Finding, finding
from shrinkage.audits.intended import Intended
from shrinkage.audits.measuring import Measured
from shrinkage.audits.measuring.fits import dot
from shrinkage.pytorch.audits.glance import has_nonzero, wide_blocks
from shrinkage.pytorch.audits.runs import Runs
from shrinkage.pytorch.audits.watch import Watch

_FEWEST = 4  # numbers of gradients that are one multiple of what they were
_ACROSS = 0.01  # of the change: so little lies beside that multiple


def of_the_data(
    runs: Runs, watch: Watch, once: Mapping[str, Measured], intended: Mapping[str, Intended]
) -> list[Finding]:
    """Return that the data's gradient changes with the strengths, where it is multiplied by them.

    Args:
        runs: the run at scale 1 stands.
        watch: of that run.
        once: what it did to every parameter.
        intended: for every parameter.
    """
    if watch.early or watch.asked_again:
        return []  # gradients at other weights
    made = {name: (runs.zero.gradients.made(name), watch.gradients.made(name)) for name in intended}
    if not any(before is not None and has_nonzero(before) for before, _ in made.values()):
        fits = [once[name].gradient for name, meant in intended.items() if meant.words]
        astray = any(fit is not None and fit.present and not fit.fits for fit in fits)
        return [_said(None)] if astray and _gets_data(watch, intended) else []
    along = square = size = 0.0
    numbers = 0
    for name, (before, after) in made.items():
        if intended[name].words or before is None or after is None:
            continue
        numbers += int((before != 0).sum())
        for wide, other in wide_blocks(before, after):
            moved = other - wide
            along += dot(wide, moved)
            square += dot(wide, wide)
            size += dot(moved, moved)
    if numbers < _FEWEST or not size or not square:
        return []
    change = along / square
    across = max(0.0, size - change * along)
    return [_said(1 + change)] if across <= _ACROSS**2 * size else []


def _gets_data(watch: Watch, intended: Mapping[str, Intended]) -> bool:
    """Return whether parameters without terms have a gradient, where there are such."""
    others = [
        watch.gradients.made(n)
        for n, meant in intended.items()
        if not meant.words and n in watch.rates
    ]
    return not others or any(g is not None and has_nonzero(g) for g in others)


def _said(times: float | None) -> Finding:
    """Say so; `times`: the data's gradient over that without strengths, None where that is 0."""
    how = (
        "with strengths times 0 the data's gradient is 0"
        if times is None
        else f"the data's gradient is {times:.4g} times what it is with strengths times 0"
    )
    return finding(
        "not-linear",
        "",
        f"`scale` multiplies the data loss too: {how}, which leaves no factor to compare",
        "multiply the penalty alone by `scale`; (1 − a) · loss + a · penalty is, but for the step "
        "size, loss + a / (1 − a) · penalty",
    )
