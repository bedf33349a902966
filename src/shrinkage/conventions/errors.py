"""Errors of conversions: a name that is not known is not a conversion that cannot exist."""

from __future__ import annotations

from typing import Any

from shrinkage.errors import ShrinkageError


class UnknownConvention(ShrinkageError):
    """There is no convention of this name; the message offers near ones."""


class NoEqualStrength(ShrinkageError):
    """No number under the target has the effect of the given one.

    Args:
        message: the whole message.
        reason: why there is none.
        nearest: the target's number with the same timescale, None where there is no such thing.
    """

    def __init__(self, message: str, reason: str = "", nearest: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.nearest = nearest

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.reason, self.nearest)
