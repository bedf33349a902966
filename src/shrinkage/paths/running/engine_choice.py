"""Which engine trains a user's module: tried and measured, never read from the names of classes.

Who uses this: `shrinkage.run`, before anything is trained. A resumed run keeps the choice of its
start, since another engine would round otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from shrinkage.errors import InputError
from shrinkage.paths.choosing.grid import log_grid
from shrinkage.paths.choosing.grid_top import DEFAULT_TOP
from shrinkage.paths.engines.answers import is_users
from shrinkage.paths.engines.base import Engine, Unit
from shrinkage.paths.engines.kept_state import check_kept_state
from shrinkage.paths.engines.own_loss import OwnLoss
from shrinkage.paths.engines.sequential import SequentialEngine
from shrinkage.paths.engines.vectorizing.comparing import obstacle
from shrinkage.paths.engines.vectorizing.engine import VectorizedEngine
from shrinkage.paths.engines.vectorizing.timing import seconds_a_model
from shrinkage.paths.engines.vectorizing.traits import Traits, gradient_varies, traits_of
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.store import Store

NOT_REPEATABLE = (
    "the model, its loss or its augmentation draws random numbers outside torch's generator, so "
    "that the same seed gives other results another time: draw them with torch.rand and kin"
)
Note = dict[str, str]


def with_engine(plan: Plan, store: Store, name: str = "engine") -> Plan:
    """Return the plan with the engine that is the faster one, and why.

    Args:
        plan: one whose engine is open; others are given back.
        store: keeps the choice.
        name: of the note that it is kept in.

    Raises:
        InputError: the vectorized engine was asked for, and the module cannot be stacked; or what
            the module learns is not all in its `state_dict`.
    """
    if is_users(plan.problem.architecture):
        with torch.random.fork_rng(devices=[]):
            draws = check_kept_state(plan.problem, plan.refit_unit)
        plan = replace(plan, warnings=(*plan.warnings, *filter(None, [draws])))
    if not plan.engine_is_open:
        return _repeats_told(plan) if isinstance(plan.problem.loss, OwnLoss) else plan
    with torch.random.fork_rng(devices=[]):
        traits = traits_of(plan.problem, plan.refit_unit)
        note = store.note(name)
        if not isinstance(note, dict):
            note = _chosen(plan, traits)
            store.keep_note(name, note)
    engine: Engine = SequentialEngine()
    if note["engine"] == VectorizedEngine.name:
        engine = VectorizedEngine(traits, asked=plan.options.engine == VectorizedEngine.name)
    chosen = replace(plan, engine=engine, engine_is_open=False, why_engine=note["reason"])
    return _told(chosen, traits)


def _repeats_told(plan: Plan) -> Plan:
    """Return the plan of an engine that is known, told whether a loss of the user's repeats."""
    with torch.random.fork_rng(devices=[]):
        return _told(plan, traits_of(plan.problem, plan.refit_unit))


def _told(plan: Plan, traits: Traits) -> Plan:
    told = plan.warnings if traits.repeats else (NOT_REPEATABLE, *plan.warnings)
    return replace(plan, warnings=told, repeats=traits.repeats)


def _chosen(plan: Plan, traits: Traits) -> Note:
    """Return the engine's name and the reason."""
    asked = plan.options.engine
    if asked == SequentialEngine.name:
        return {"engine": asked, "reason": "as asked for"}
    reason = obstacle(plan.problem, plan.refit_unit, traits)
    varying = "" if reason else gradient_varies(plan.problem, plan.refit_unit, traits)
    if varying:
        reason = f"{varying} has a gradient in some steps and none in others"
    if reason and asked == VectorizedEngine.name:
        raise InputError(
            f"the model {plan.problem.architecture.name} cannot be vectorized: {reason}; use "
            "--engine auto"
        )
    if reason:
        return {"engine": SequentialEngine.name, "reason": reason}
    if asked == VectorizedEngine.name:
        return {"engine": asked, "reason": "as asked for"}
    return Measured.of(plan, traits).note()


@dataclass(frozen=True)
class Measured:
    """Seconds of a step of a model, one after the other and all at once."""

    sequential: float
    vectorized: float

    @classmethod
    def of(cls, plan: Plan, traits: Traits) -> Measured:
        """Return what a few steps of both take."""
        engines = SequentialEngine(), VectorizedEngine(traits)
        workers = [max(1, min(plan.folds, plan.runner.workers(engine))) for engine in engines]
        unit = _unit(plan)
        return cls(*seconds_a_model(plan.problem, unit, engines, workers))

    def note(self) -> Note:
        """Return the faster engine and the reason.

        >>> Measured(0.02, 0.01).note()["reason"]
        'all strengths at once take 0.50 of the time of one after the other'
        """
        share = self.vectorized / self.sequential
        name = VectorizedEngine.name if share <= 1 else SequentialEngine.name
        return {
            "engine": name,
            "reason": f"all strengths at once take {share:.2f} of the time of one after the other",
        }


def _unit(plan: Plan) -> Unit:
    """Return all training rows with as many models as a fold has."""
    strengths = plan.options.strengths
    grid = strengths if isinstance(strengths, tuple) else log_grid(DEFAULT_TOP, strengths)
    terms = plan.problem.terms
    models = terms.unregularized + terms.settings((value,) * terms.axes for value in grid)
    threads = max(1, torch.get_num_threads() // max(1, plan.folds))
    return replace(plan.refit_unit, settings=models, threads=threads)
