"""What is said where an optimizer's own decay, or attached terms, come beside a loop's penalty.

Who uses this: the audit of PyTorch, which has measured the step without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shrinkage.audits.findings import Finding, finding
from shrinkage.audits.wording.absence import by_role

if TYPE_CHECKING:
    from shrinkage.audits.judging.verdicts import Case


def alone(case: Case, decay: str, rule: str) -> Finding:
    """Say that all that arrives is the decay: the terms do not."""
    return finding(
        rule,
        case.name,
        f"all that arrives is {decay}; without it nothing does, {case.words} neither",
        "add the term to the loop and build the optimizer with weight_decay=0; or, if its decay "
        "is what you mean, name that in the terms",
    )


def beside(case: Case, decay: str) -> Finding:
    """Say that the decay comes on top of what the loop does."""
    return finding(
        "double-counted",
        case.name,
        f"{decay} comes on top of {case.words}",
        "keep one: build the optimizer with weight_decay=0, or leave the term out",
    )


def where_no_term_is(case: Case, decay: str) -> Finding:
    """Say that what arrives where no term is, is the decay."""
    return finding(
        "unselected-changed",
        case.name,
        f"no term selects it, and {decay} shrinks it",
        "put it into a parameter group with weight_decay=0, or select it in the terms"
        f"{by_role(case)}",
    )


def attached_and_again(case: Case, mechanism: str, factor: float) -> Finding:
    """Say that the loop adds what attached terms bring already."""
    return finding(
        "double-counted",
        case.name,
        f"regularize brings {case.words}, and without it the loop still does, by the update "
        f"{mechanism} ({factor:.4g} times): the penalty is there twice",
        "keep one: take the penalty out of the loop, or detach what regularize has attached",
    )
