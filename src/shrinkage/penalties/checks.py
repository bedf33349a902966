"""A public battery for penalties: the same checks for the library's own and for a user's.

Who uses this: the tests of every registered penalty, and anyone who writes one. It needs no test
runner: it raises at the first broken promise, naming the check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from shrinkage.errors import InputError, near_names
from shrinkage.penalties.base import Penalty
from shrinkage.penalties.battery import CHECKS, DUE_WHERE
from shrinkage.penalties.battery.failure import PenaltyCheckFailed
from shrinkage.penalties.battery.namespaces import namespace_named
from shrinkage.penalties.battery.subject import Subject

__all__ = ["CHECKS", "CheckReport", "PenaltyCheckFailed", "check_penalty"]


@dataclass(frozen=True)
class CheckReport:
    """What a battery did: the checks that passed, and those skipped with the reason."""

    passed: tuple[str, ...]
    skipped: Mapping[str, str]


def _reasons(penalty: Penalty, skip: Mapping[str, str] | None) -> dict[str, str]:
    """Return the checks to skip with the reasons: the penalty's own facts, then those of `skip`."""
    reasons = {
        check: f"the penalty says {fact} = False"
        for check, fact in DUE_WHERE.items()
        if not getattr(penalty, fact)
    }
    reasons.update(skip or {})
    for name, reason in reasons.items():
        if name not in CHECKS:
            hint = near_names(name, CHECKS) or f"the checks are {', '.join(CHECKS)}"
            raise InputError(f"expected the name of a check to skip, got {name!r}: {hint}")
        if not isinstance(reason, str) or not reason.strip():
            raise InputError(f"expected a reason to skip {name}, got {reason!r}: write one")
    return reasons


def check_penalty(
    penalty: Penalty,
    *,
    shapes: Sequence[tuple[int, ...]] | None = None,
    namespaces: Sequence[str] = ("numpy",),
    skip: Mapping[str, str] | None = None,
    seed: int = 0,
) -> CheckReport:
    """Check every promise of a penalty, and raise at the first that is broken.

    Args:
        penalty: the penalty.
        shapes: shapes of one model's weights, without model axes; choose such that the penalty's
            axes exist in them. None: its `example_shapes`.
        namespaces: any of "numpy", "torch", "jax"; the framework must be installed.
        skip: name of a check → the reason why this penalty need not keep it. What follows from
            the penalty's own facts is skipped without asking: "prox-three-points" where
            `convex` is False, "prox-global-minimum" where `separable` is.
        seed: of the random weights.

    Returns:
        The `CheckReport`.

    Raises:
        PenaltyCheckFailed: a promise is broken; it carries `check`, `where`, `expected`, `got`.
        InputError: an unknown namespace or check, or a skip without a reason.

    >>> from shrinkage.penalties import L1
    >>> check_penalty(L1(), shapes=[(2, 2)]).passed[:3]
    ('frozen', 'input-untouched', 'value-at-zero')

    Source: the idea of a public battery is scikit-learn's `check_estimator`; the three-point
    inequality is Beck, First-order methods in optimization (2017), theorem 6.39.
    """
    skipped = _reasons(penalty, skip)
    due = [name for name in CHECKS if name not in skipped]
    for name in namespaces:
        namespace = namespace_named(name)
        with namespace.double():
            for shape in penalty.example_shapes if shapes is None else shapes:
                for shaped in dict.fromkeys(_shapes(penalty)):
                    _run(due, Subject(shaped, namespace, tuple(shape), seed))
    return CheckReport(passed=tuple(due), skipped=MappingProxyType(skipped))


def _shapes(penalty: Penalty) -> tuple[Penalty, ...]:
    """Return the penalty in two shapes where that depends on the strength."""
    if penalty.finite:
        return penalty, penalty.at(0.2)
    return penalty.at(2.0), penalty.at(4.0)  # at a strength of 1 a set may hold all weights


def _run(due: Sequence[str], subject: Subject) -> None:
    for check in due:
        named = replace(subject, check=check)
        try:
            CHECKS[check](named)
        except PenaltyCheckFailed:
            raise
        except Exception as error:
            named.expect(False, "every call", "a result", f"{type(error).__name__}: {error}")
