"""A public battery for penalties: the same checks for the library's own and for a user's.

Who uses this: the tests of every registered penalty, and anyone who writes one. It needs no test
runner: it raises at the first broken promise, naming the check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from shrinkage.errors import InputError, near_names
from shrinkage.penalties.base import Penalty
from shrinkage.penalties.battery import PROMISES
from shrinkage.penalties.battery.subjects import Subject, namespace_named

CHECKS: Mapping[str, Callable[[Subject], None]] = MappingProxyType(
    {promise.__name__.replace("_", "-"): promise for promise in PROMISES}
)


class PenaltyCheckFailed(AssertionError):
    """A penalty broke a promise; `check` is the name of the check."""

    def __init__(self, check: str, message: str) -> None:
        super().__init__(f"{check}: {message}")
        self.check = check


@dataclass(frozen=True)
class CheckReport:
    """What a battery did: the checks that passed, and those skipped with the reason."""

    passed: tuple[str, ...]
    skipped: Mapping[str, str]


def _reasons(skip: Mapping[str, str] | None) -> dict[str, str]:
    reasons = dict(skip or {})
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
    shapes: Sequence[tuple[int, ...]] = ((4, 3), (2, 3, 2)),
    namespaces: Sequence[str] = ("numpy",),
    skip: Mapping[str, str] | None = None,
    seed: int = 0,
) -> CheckReport:
    """Check every promise of a penalty, and raise at the first that is broken.

    Args:
        penalty: the penalty.
        shapes: shapes of one model's weights, without model axes; choose such that the penalty's
            axes exist in them.
        namespaces: any of "numpy", "torch", "jax"; the framework must be installed.
        skip: name of a check → the reason why this penalty need not keep it (a penalty that is
            not convex skips "prox-three-points").
        seed: of the random weights.

    Returns:
        The `CheckReport`.

    Raises:
        PenaltyCheckFailed: a promise is broken; the message says which, where, and what it got.
        InputError: an unknown namespace or check, or a skip without a reason.

    >>> from shrinkage.penalties import L1
    >>> check_penalty(L1(), shapes=[(2, 2)]).passed[:3]
    ('frozen', 'input-untouched', 'value-at-zero')

    Source: the idea of a public battery is scikit-learn's `check_estimator`; the three-point
    inequality is Beck, First-order methods in optimization (2017), theorem 6.39.
    """
    skipped = _reasons(skip)
    due = [name for name in CHECKS if name not in skipped]
    for name in namespaces:
        namespace = namespace_named(name)
        with namespace.double():
            for shape in shapes:
                subject = Subject(penalty, namespace, tuple(shape), seed)
                for check in due:
                    _run(check, subject)
    return CheckReport(passed=tuple(due), skipped=MappingProxyType(skipped))


def _run(check: str, subject: Subject) -> None:
    where = f"{subject.penalty!r} on {subject.namespace.name} of shape {subject.shape}"
    try:
        CHECKS[check](subject)
    except AssertionError as broken:
        raise PenaltyCheckFailed(check, f"{where}: {broken}") from broken
    except Exception as error:
        message = f"{where}: expected a result, got {type(error).__name__}: {error}"
        raise PenaltyCheckFailed(check, message) from error
