"""Seeded faults and correct loops as records, and the two ways to audit one.

Who uses this: every file of `audit_faults` and `audit_loops`, their tests and the benchmark that
counts what the audit finds. A record builds its loop only when asked, and the library is imported
only when the audit runs, so that a list of records costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Audited = Callable[[], Any]
Build = Callable[[], Audited]
Arrays = dict[str, Any]
Step = Callable[[float], tuple[Arrays, ...]]


@dataclass(frozen=True)
class NeutralAudit:
    """Audits `step(scale)`, which returns arrays before and after one training step."""

    step: Step
    terms: Any
    learning_rate: float
    update: str | None = None

    def __call__(self) -> Any:
        from shrinkage import audit

        return audit(self.step, self.terms, learning_rate=self.learning_rate, update=self.update)


@dataclass(frozen=True)
class TorchAudit:
    """Audits `training_step(model, optimizer, batch, scale)`; terms None are read from both."""

    model: Any
    optimizer: Any
    training_step: Callable[[Any, Any, Any, float], Any]
    batch: Any
    terms: Any = None

    def __call__(self) -> Any:
        from shrinkage.pytorch import audit

        return audit(self.model, self.optimizer, self.training_step, self.batch, terms=self.terms)


@dataclass(frozen=True)
class Fault:
    """One seeded fault.

    `rules` are those of which any is right, the best first; `source` is the report that it is
    rebuilt from, empty where it is a textbook mistake; `severity` is the least that the finding
    must have.
    """

    name: str
    framework: str
    rules: tuple[str, ...]
    source: str
    build: Build
    severity: str = "error"


@dataclass(frozen=True)
class Loop:
    """One correct training loop, in which the audit may find no error."""

    name: str
    framework: str
    build: Build


def fault(
    framework: str, *rules: str, source: str = "", severity: str = "error"
) -> Callable[[Build], Fault]:
    """Make a `Fault` of the function that builds it, under the function's name."""

    def record(build: Build) -> Fault:
        return Fault(_name(build), framework, rules, source, build, severity)

    return record


def loop(framework: str) -> Callable[[Build], Loop]:
    """Make a `Loop` of the function that builds it, under the function's name."""

    def record(build: Build) -> Loop:
        return Loop(_name(build), framework, build)

    return record


def of_kind(kind: type, modules: Iterable[Any]) -> tuple[Any, ...]:
    """Return the records of a kind that are defined in modules, in their order."""
    found: list[Any] = []
    for module in modules:
        names: Mapping[str, Any] = vars(module)
        for value in names.values():
            members = value if isinstance(value, tuple) else (value,)
            found += [member for member in members if isinstance(member, kind)]
    return tuple(dict.fromkeys(found))


def _name(build: Build) -> str:
    return getattr(build, "__name__", "").replace("_", "-")
