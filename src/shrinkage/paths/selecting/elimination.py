"""An engine that trains one network from all columns down to a few: the smallest leave in turn.

Who uses this: `best`, whose members are folds of an ordinary plan. It is the constraint
`Cardinality(per="input")` on a schedule: all columns at first, then fewer and fewer with the
weights that are there, so that every size starts from the one before it. What counts is Σ w²/step
over the weights of a column, step being the size of the optimizer's own step for each weight: the
projection in its metric. Columns that have left are cut out of the arrays, so that most of the
training runs on a small first layer.

Weights of a network that has learned its rows by heart say what it learned: where noise is to be
fitted, columns of noise have the largest. Rows that are kept from the training (`held`) tell: what
counts is then the growth of their loss with the values of a column in another order (`growths`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from shrinkage.errors import InputError
from shrinkage.paths.engines.base import Advance, Problem, Rows, Trained, Unit, template
from shrinkage.paths.engines.input_layer import first_weight
from shrinkage.paths.engines.lone import lone_network, spans
from shrinkage.paths.engines.one_stack import OneStack
from shrinkage.paths.engines.read_columns import ReadColumns
from shrinkage.paths.engines.recipe import Batches, derived_seed
from shrinkage.paths.engines.sequential import evaluate
from shrinkage.paths.engines.threads import torch_threads

BEGIN, END = 0.15, 0.85
"""Shares of the steps between which columns leave; then the learning rate falls to zero."""
CUTS = 5
"""How often columns leave from one size that is told to the next."""
WARM_UP = 0.05
EVALUATED = 8192
"""Rows that go through a network at once where columns are judged by rows."""


@dataclass(frozen=True)
class Eliminating(OneStack):
    """Trains one network a unit; its models are that network at each size.

    Args:
        sizes: how many columns the models of a unit have, one for each of its settings.
        candidates: columns that may stay, (columns,); None: all.
        side_by_side: whether units may train in several threads: where they share nothing drawn.
        held: how many training rows are kept from the training to rank the columns; 0: the weights
            rank them.
    """

    sizes: tuple[int, ...]
    candidates: np.ndarray | None = field(default=None, compare=False)
    side_by_side: bool = True
    held: int = 0

    name = "eliminating"
    narrows = False

    def parts(self, problem: Problem, models: int, weights: int) -> int:
        """Return one: the sizes come of one training."""
        del problem, models, weights
        return 1

    def at_once(self, models: int) -> int:
        """Return one: a network at all its sizes."""
        del models
        return 1

    def train(self, problem: Problem, unit: Unit, advance: Advance) -> Trained:
        """Train the network of a unit, and keep it at each size."""
        with torch_threads(unit.threads):
            states = Elimination(problem, unit, self).states(advance)
        arrays = {name: torch.stack([state[name] for state in states]) for name in states[0]}
        module = template(problem, unit)

        def outputs(x: torch.Tensor) -> torch.Tensor:
            own = []
            for model in range(len(self.sizes)):
                module.load_state_dict({name: value[model] for name, value in arrays.items()})
                own.append(evaluate(module, x))
            return torch.stack(own)

        return Trained(outputs, arrays, None, np.ones(len(states), dtype=bool))


class Elimination:
    """One training: the network, the columns that are left, and what is kept of it."""

    def __init__(self, problem: Problem, unit: Unit, engine: Eliminating) -> None:
        self._problem, self._engine = problem, engine
        self._total = problem.recipe.steps(len(unit.data.train))
        self._unit, self._held = divided(unit, engine.held)
        unit = self._unit
        name = first_weight(problem.assignment.infos, unit.data.n_inputs)
        if not name:
            raise InputError(
                "expected a model whose first layer reads the columns, such as mlp:64,32: this one "
                "has no weights by which columns can leave"
            )
        self.network = lone_network(problem, unit)
        self.columns = ReadColumns(problem, unit, self.network, name)
        self.network.begin({**unit.settings.strengths(0), problem.terms.terms.ids[0]: 0.0})
        self._states: dict[int, dict[str, torch.Tensor]] = {}

    def states(self, advance: Advance) -> list[dict[str, torch.Tensor]]:
        """Train, and return the network at each size of the engine, in their order."""
        recipe, unit = self._problem.recipe, self._unit
        rows = len(unit.data.train)
        total, step = self._total, 0
        if self._engine.candidates is not None:
            self.columns.keep(torch.from_numpy(self._engine.candidates).to(self._problem.device))
        due = schedule(self.columns.count, self._engine.sizes, total)
        batches = Batches(recipe, rows, derived_seed(unit.seed, 1))
        for count in spans(total, due, alone=not self.columns.are_cut):
            shares = np.array([rate_at(step + taken, total) for taken in range(count)])
            self.network.steps(torch.from_numpy(batches.take(count)), shares, 2, step)
            step += count
            self.columns.hold()
            for size in due.get(step, ()):
                self.shrink_to(size)
            advance(count)
        least = min(self._engine.sizes)
        self._states[least] = self.columns.state()  # with the steps after it
        return [self._states[size] for size in self._engine.sizes]

    def shrink_to(self, size: int) -> None:
        """Keep so many columns, and the network where the size is told."""
        if self._held is None or size >= self.columns.count:
            self.columns.keep_largest(size)
        else:
            self.columns.keep_best(size, self._growths(self._held))
        if size in self._engine.sizes:
            self._states[size] = self.columns.state()

    def _growths(self, held: Rows) -> torch.Tensor:
        """Return the growth of the loss of rows without what a column says, (columns,)."""
        problem, x = self._problem, held.x
        module = template(problem, self._unit)
        module.load_state_dict(self.columns.state())
        sources = problem.sources or tuple(range(x.shape[1]))
        source = torch.tensor(sources, device=x.device)
        growths = x.new_zeros(max(sources) + 1)

        def losses(copies: torch.Tensor) -> torch.Tensor:
            outputs = evaluate(module, copies.flatten(0, 1)).unflatten(1, copies.shape[:2])
            return problem.loss(outputs.transpose(0, 1), held.target, held.weight)

        before, moved = losses(x[None]), x.roll(1, dims=0)
        for places in self.columns.left.split(max(1, EVALUATED // len(x))):
            growths[places] = losses(torch.where(source == places[:, None, None], moved, x))
            growths[places] -= before
        return growths


def divided(unit: Unit, held: int) -> tuple[Unit, Rows | None]:
    """Return a unit without so many of its training rows, and these in a random order."""
    if not held:
        return unit, None
    data, random = unit.data, np.random.default_rng(derived_seed(unit.seed, 4))
    order = random.permutation(len(data.train))
    train = data.train[torch.from_numpy(np.sort(order[held:])).to(data.train.device)]
    away = data.train[torch.from_numpy(order[:held]).to(data.train.device)]
    return replace(unit, data=replace(data, train=train)), data.rows.take(away)


def schedule(columns: int, sizes: Sequence[int], total: int) -> dict[int, list[int]]:
    """Return to how many columns the network shrinks after which of `total` steps.

    The sizes that are told are spread over the middle of the training, the largest first, with
    further ones between them; sizes above `columns` are told at the start.

    >>> due = schedule(16, [2, 8], 100)
    >>> due[50][-1], due[85][-1], min(due), max(due)
    (8, 2, 22, 85)
    """
    told = sorted(set(sizes), reverse=True)
    after: dict[int, list[int]] = {}
    last, begin, end = columns, BEGIN * total, END * total
    for place, size in enumerate(told):
        for cut in range(1, CUTS + 1):
            between = last * (min(size, last) / last) ** (cut / CUTS)
            at = begin + (end - begin) * (place + cut / CUTS) / len(told)
            step = min(total, max(1, math.floor(at + 1e-9)))
            after.setdefault(step, []).append(size if cut == CUTS else round(between))
        last = min(size, last)
    return after


def rate_at(step: int, total: int) -> float:
    """Return the share of the largest learning rate: warm-up, level, then down to zero.

    It stays level while columns leave, since what is left has to learn anew after every cut.

    >>> [round(rate_at(step, 100), 2) for step in (0, 4, 50, 84, 99)]
    [0.2, 1.0, 1.0, 1.0, 0.07]
    """
    warm_up, left = max(1, math.ceil(WARM_UP * total)), total - math.floor(END * total)
    return min(1.0, (step + 1) / warm_up, (total - step) / max(1, left))
