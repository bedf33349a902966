"""Batches of trials: a recipe that TPE draws, and strengths in it that share one stack.

Who uses this: the fit of a search. The first trial of a batch is drawn over all axes; the others
have its recipe and strengths of their own, which TPE draws as if those still in training had
failed (the constant liar), so that they do not crowd. The first batch has the recipe as it was
given, its strengths spread over the grid. Each trial's sampler is seeded by its place: a run that
goes on after a kill draws what the undisturbed one would have.

Source: Bergstra et al., Algorithms for hyper-parameter optimization (2011), for TPE; Ginsbourger
et al., Kriging is well-suited to parallelize optimization (2010), for the constant liar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shrinkage.extras import needs

with needs("search"):
    import optuna
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
    )
    from optuna.trial import FrozenTrial, TrialState

from shrinkage.paths.choosing.grid import DECADES, log_grid
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.results.surfaces import Value
from shrinkage.paths.searching.space import Between, Range
from shrinkage.paths.surfaces.penalty_axis import PENALTY

SEARCH_LABEL = 3_000
LEAST = -1e12  # of a model whose score is no number: worse than any, and still a trial


@dataclass(frozen=True)
class Batch:
    """Trials of one recipe: their numbers in the study, and the strengths of each."""

    recipe: tuple[Value, ...]
    numbers: tuple[int, ...]
    strengths: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Trials:
    """Asks a study for batches and tells it scores.

    Args:
        study: with what was tried before.
        axes: the names of the axes of strengths.
        largest: the largest strength by axis, or by penalty where the penalty is searched: the
            study knows strengths of such an axis as shares of it.
        space: what else varies.
        usual: the recipe as it was given.
        size: trials a batch.
        seed: of the run.
    """

    study: optuna.Study
    axes: tuple[str, ...]
    largest: Mapping[str, float]
    space: Mapping[str, Range]
    usual: Mapping[str, Value]
    size: int
    seed: int

    def batch(self, number: int, count: int) -> Batch:
        """Return a batch, its trials drawn where they are not in the study yet.

        Args:
            number: of the batch, from 0.
            count: trials in it.
        """
        self._drop_half_drawn()
        first = number * self.size
        for place in range(len(self._trials()) - first, count):
            self._ask(number, first, place, count)
        trials = self._trials()[first : first + count]
        recipe = tuple(_plain(trials[0].params[name]) for name in self.space)
        scales = self._scales(trials[0])
        strengths = (
            tuple(scale * trial.params[name] for name, scale in scales.items()) for trial in trials
        )
        return Batch(recipe, tuple(trial.number for trial in trials), tuple(strengths))

    def tell(self, batch: Batch, scores: Sequence[float]) -> None:
        """Say what the trials of a batch scored; what the study knows already stays."""
        for number, score in zip(batch.numbers, scores, strict=True):
            value = score if score > LEAST else LEAST  # NaN, too, is not larger
            self.study.tell(number, value, skip_if_finished=True)

    def _ask(self, batch: int, first: int, place: int, count: int) -> None:
        if not self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            fixed = self._fixed(batch, first, place, count)
            if fixed:
                self.study.enqueue_trial(fixed)
        seed = derived_seed(self.seed, SEARCH_LABEL, first + place) % 2**32
        self.study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        self.study.ask(self._distributions())

    def _fixed(self, batch: int, first: int, place: int, count: int) -> dict[str, Value]:
        """Return what of a trial is not drawn."""
        if batch == 0:
            tops = {name: self.largest.get(name, 1.0) for name in self.axes}
            grids = {name: log_grid(top, max(2, count + 1))[1:] for name, top in tops.items()}
            # The strongest learns nothing: from a step below it down, the other axes backwards.
            own = {
                name: grid[place if axis % 2 == 0 else count - 1 - place] / 2
                for axis, (name, grid) in enumerate(grids.items())
            }
            return {**self.usual, **own}
        if place == 0:
            return {}
        params = self._trials()[first].params
        return {name: params[name] for name in self.space}

    def _scales(self, trial: FrozenTrial) -> dict[str, float]:
        """Return what the strengths of a trial are multiplied by: shares by the largest."""
        return {
            name: 1.0 if name in self.largest else self.largest[trial.params[PENALTY]]
            for name in self.axes
        }

    def _trials(self) -> list[FrozenTrial]:
        """Return all trials that are drawn whole, in their order."""
        states = (TrialState.RUNNING, TrialState.COMPLETE)
        return self.study.get_trials(deepcopy=False, states=states)

    def _drop_half_drawn(self) -> None:
        """Fail a trial that a kill interrupted while it was drawn: it is drawn again."""
        wanted = len(self.axes) + len(self.space)
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if len(trial.params) < wanted:
                self.study.tell(trial.number, state=TrialState.FAIL)

    def _distributions(self) -> dict[str, BaseDistribution]:
        strengths = {
            name: FloatDistribution(top * 10.0**-DECADES, top, log=True)
            for name in self.axes
            for top in [self.largest.get(name, 1.0)]
        }
        return {**strengths, **{name: _distribution(own) for name, own in self.space.items()}}


def _distribution(own: Range) -> BaseDistribution:
    if isinstance(own, Between):
        return FloatDistribution(own.low, own.high, log=own.log)
    return CategoricalDistribution(own)


def _plain(value: Value) -> Value:
    return value if isinstance(value, str) else float(value)
