"""How the battery says that a promise is broken: with an error of its own, also under `-O`."""

from __future__ import annotations


class PenaltyCheckFailed(AssertionError):
    """A penalty broke a promise.

    Args:
        check: the name of the check.
        where: the penalty, the framework, the shape and what was asked.
        expected: what was promised.
        got: what came instead.
    """

    def __init__(self, check: str, where: str, expected: str, got: str) -> None:
        super().__init__(check, where, expected, got)
        self.check, self.where, self.expected, self.got = check, where, expected, got

    def __str__(self) -> str:
        return f"{self.check}: {self.where}: expected {self.expected}, got {self.got}"
