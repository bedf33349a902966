"""What the reader of a surface must know before trusting the choice.

Who uses this: the assembly of a surface; terminal and report show the sentences.
"""

from __future__ import annotations

from collections.abc import Sequence

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.rules import Choice
from shrinkage.paths.results.certificates import not_certified
from shrinkage.paths.results.records import Status
from shrinkage.paths.results.surfaces import Surface
from shrinkage.paths.results.warnings import more_epochs
from shrinkage.paths.running.memory import cap_warning
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.surfaces.grids import AxisGrid


def surface_warnings(
    plan: Plan,
    validation: CrossValidation,
    choice: Choice,
    surface: Surface,
    sources: Sequence[AxisGrid],
) -> tuple[str, ...]:
    """Return the sentences, the most important first."""
    said = [
        *plan.warnings,
        _edge(surface, validation, choice),
        *_no_top(sources),
        _ended(
            validation, Status.DIVERGED, "training diverged", "a smaller learning rate may help"
        ),
        _not_converged(plan, validation),
        cap_warning(plan.options.memory_cap, plan.preparation.device),
    ]
    return tuple(sentence for sentence in said if sentence)


def _edge(surface: Surface, validation: CrossValidation, choice: Choice) -> str:
    edges = surface.edges(choice.best) if surface.is_grid else {}
    if not edges:
        return ""
    ends = " and ".join(f"the {end} of {name}" for name, end in edges.items())
    if set(edges.values()) == {"largest"} and not validation.total_nonzero[choice.best].any():
        return (
            f"the best model has {ends} on the grid, where every weight is zero: no model of this "
            "surface does better than a constant"
        )
    return (
        f"the best model has {ends} on the grid, so a better one may lie beyond; give --strengths "
        "that reach further"
    )


def _no_top(sources: Sequence[AxisGrid]) -> list[str]:
    return [
        f"no strength of {grid.name} marks where learning ends, so its grid is the default one, "
        f"{grid.strengths[0]:.3g} to {grid.strengths[-1]:.3g}"
        for grid in sources
        if grid.source.is_default
    ]


def _ended(validation: CrossValidation, status: Status, what: str, hint: str) -> str:
    count = validation.status.count(status)
    return f"{what} in {count} of {len(validation.status)} cells; {hint}" if count else ""


def _not_converged(plan: Plan, validation: CrossValidation) -> str:
    if plan.engine.is_solver:
        return not_certified(plan, validation)
    epochs = plan.problem.recipe.epochs
    return _ended(
        validation,
        Status.NOT_CONVERGED,
        "training ended before a minimizer",
        f"try up to --epochs {more_epochs(epochs, 0.5)} (here {epochs}) or a larger "
        "--learning-rate",
    )
