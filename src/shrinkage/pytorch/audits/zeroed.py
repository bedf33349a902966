"""Layers all of whose weights are zero: whether the step brings them back.

Who uses this: `audit`. Arrays that are all zero are audited at small random numbers, where a
penalty can be seen; here they are what they are. A layer that begins at zero moves by the data's
gradient; one that is lost gets none, or a penalty keeps it where it is.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

from shrinkage.audits.findings import Finding, finding
from shrinkage.pytorch.audits.glance import has_nonzero
from shrinkage.pytorch.audits.loop_rules import LoopFacts
from shrinkage.pytorch.audits.runs import Runs

_NAMED = 4


def lost_layers(facts: LoopFacts, taken: Iterable[str], carrying: Iterable[str]) -> list[Finding]:
    """Return whether layers of zeros stay so: an error where others are cut off by it.

    Args:
        facts: of the loop.
        taken: layers of which the step at scale 1 left nothing, and that were not zero.
        carrying: names of weights without which the network may put out zero.
    """
    runs, carrying = facts.runs, list(carrying)
    selected = {info.name for info in facts.penalised() if info.trainable}
    zeros = [n for n in carrying if n in runs.twin.zeros and n in selected]
    zeros = [n for n in zeros if n in facts.cases and facts.cases[n].rate > 0]
    stays, cut = _staying(runs, zeros, carrying) if zeros else ([], [])
    taken = [name for name in taken if name in selected]
    if not stays and not taken:
        return []
    when = "are 0 already, and the step leaves them so" if stays else "are 0 after this step"
    message = f"all weights of {_named([*stays, *taken])} {when}"
    gone = {*stays, *taken} >= set(carrying)
    if cut:
        message += f": no gradient of the data comes to {_named(cut)}"
    elif gone:
        message += ": every input gets one answer"
    else:
        message += ": what the network had through them alone is lost"
    remedy = (
        "go back to weights from before that, and try a lower strength (choose it with fit_path)"
    )
    severity = "error" if cut or gone or taken else "warning"
    if severity == "warning":
        remedy += "; zeros that are meant are taken out by shrinkage.compaction"
    return [finding("collapse", "", message, remedy, severity=severity)]


def _staying(runs: Runs, zeros: list[str], carrying: list[str]) -> tuple[list[str], list[str]]:
    """Return which layers of zeros stay zero, and which others get no gradient by that."""
    made = runs.from_zeros(0.0)
    moved = {name for name in zeros if has_nonzero(runs.twin.parameters[name])}
    reached = {name: made.gradients.made(name) for name in carrying}
    runs.from_zeros(1.0)
    kept = {name for name in zeros if not has_nonzero(runs.twin.parameters[name])}
    stays = [
        name for name in zeros if name in kept and (name in moved or _is_nothing(reached[name]))
    ]
    before = {name: runs.zero.gradients.made(name) for name in carrying}
    cut = [
        name
        for name in carrying
        if name not in zeros and _is_nothing(reached[name]) and not _is_nothing(before[name])
    ]
    return stays, cut


def _is_nothing(gradient: torch.Tensor | None) -> bool:
    return gradient is None or not has_nonzero(gradient)


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
