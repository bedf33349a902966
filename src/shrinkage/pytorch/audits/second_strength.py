"""Whether a step at a second strength would tell anything that is not known.

Who uses this: `audit`. That step is there for penalties that are not linear in their strength. The
optimizer's own decay has been measured at another strength already, on the bare optimizer: where
both are what is meant, and nothing else of the loop knows of a strength, it is linear.
"""

from __future__ import annotations

from collections.abc import Mapping

from shrinkage.audits.decays import MeasuredDecay, OwnDecay
from shrinkage.audits.intended import Intended
from shrinkage.audits.measuring import Measured
from shrinkage.pytorch.audits.runs import Runs
from shrinkage.pytorch.audits.watch import Watch

_ONE = 0.01


def tells_twice(
    runs: Runs, once: Mapping[str, Measured], intended: Mapping[str, Intended], watch: Watch
) -> bool:
    """Return whether a step at the terms' own strength, and walks at another, tell all.

    Args:
        runs: the run at scale 1 stands.
        once: what it did to every parameter.
        intended: for every parameter.
        watch: of that run.
    """
    if not runs.decays_alone or watch.others or watch.beside or watch.places.are_several:
        return False
    return all(
        _is_bare(runs, name, once[name])
        if not meant.words
        else name in runs.decays and _is_as_measured(runs.decays[name], once[name])
        for name, meant in intended.items()
    )


def _is_bare(runs: Runs, name: str, seen: Measured) -> bool:
    """Return whether a parameter without terms has no decay, and nothing happened to it."""
    stays = seen.gradient is None or not seen.gradient.present
    return seen.finite and not seen.moved and stays and not runs.twin.decay_of(name)


def _is_as_measured(own: MeasuredDecay, seen: Measured) -> bool:
    """Return whether the loop's step shows the decay that the walks have found, once."""
    if not seen.finite or not own.rule.has_update or abs(own.factor - 1) > _ONE + own.error:
        return False
    coupled = own.rule is OwnDecay.COUPLED
    fit = seen.gradient if coupled else seen.changes.get("decoupled")
    beside = any(change.present for change in seen.changes.values())
    alone = not beside if coupled else seen.gradient is None or not seen.gradient.present
    return fit is not None and fit.present and fit.fits and fit.is_one() and alone
