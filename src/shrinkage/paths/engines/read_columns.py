"""The columns that a network in training still reads: those with the smallest mean w²/step leave.

Who uses this: what makes inputs few (the best columns, the sparsity path of features). `step` is
the size of the optimizer's own step for each weight: where each column has one input, what stays is
the projection on so many columns in its metric. Of several inputs it is their mean, not their sum,
which would prefer columns of many levels (what √|group| is in a group lasso). Columns that have
left are cut out of the arrays where nothing else reads them, so that the rest of the training runs
on a smaller first layer; elsewhere their weights are held at zero. Inputs of one column leave
together.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from shrinkage.paths.engines.base import Problem, Unit, template
from shrinkage.paths.engines.lone import Lone, is_known


class ReadColumns:
    """The columns of one network, `count` of them, and its states with them.

    Args:
        problem: of the network.
        unit: whose rows it reads.
        network: in training; `keep` cuts its arrays.
        name: of the weight of the first layer, (units, inputs).
    """

    def __init__(self, problem: Problem, unit: Unit, network: Lone, name: str) -> None:
        self._network, self._name = network, name
        self.are_cut = _reads_at_first(problem, template(problem, unit), name)
        sources = problem.sources or tuple(range(unit.data.n_inputs))
        self._source = torch.tensor(sources, device=problem.device)
        self._inputs = torch.arange(len(sources), device=problem.device)
        self._widths = self._source.bincount()
        self.count = len(set(sources))

    @property
    def left(self) -> torch.Tensor:
        """Return the numbers of the columns that are left, (count,)."""
        return self._source[self._inputs].unique()

    @torch.no_grad()
    def keep_largest(self, count: int) -> None:
        """Keep so many columns, those with the largest mean w²/step of their inputs."""
        if count >= self.count:
            return
        each = self._network.scores(self._name).sum(dim=0)
        of_inputs = self._source[self._inputs] if self.are_cut else self._source
        score = each.new_zeros(int(self._source.max()) + 1)
        score.index_add_(0, of_inputs, each)
        self.keep_best(count, score / self._widths.clamp(min=1))

    @torch.no_grad()
    def keep_best(self, count: int, score: torch.Tensor) -> None:
        """Keep so many columns, those that are left and have the largest score, (columns,)."""
        there = torch.zeros_like(score, dtype=torch.bool)
        there[self.left] = True
        score = score.masked_fill(~there, -math.inf)
        stays = torch.zeros_like(there)
        stays[score.topk(count).indices] = True
        self.keep(stays)

    @torch.no_grad()
    def keep(self, stays: torch.Tensor) -> None:
        """Let the columns that do not stay leave.

        Args:
            stays: which of all columns, (columns,).
        """
        places = stays[self._source][self._inputs].nonzero().flatten()
        self._inputs = self._inputs[places]
        self.count = len(self.left)
        if self.are_cut:
            self._network.cut(self._name, places)
        else:
            self.hold()

    @torch.no_grad()
    def hold(self) -> None:
        """Put the weights of columns that have left back to zero where they are in the array."""
        if not self.are_cut and len(self._inputs) < len(self._source):
            gone = torch.ones(len(self._source), dtype=torch.bool, device=self._source.device)
            gone[self._inputs] = False
            self._network.parameter(self._name)[:, gone] = 0.0

    def state(self) -> dict[str, torch.Tensor]:
        """Return the parameters and buffers, the first layer's as wide as at the start."""
        state = self._network.state()
        if self.are_cut:
            weight = state[self._name]
            wide = weight.new_zeros(len(weight), len(self._source))
            wide[:, self._inputs] = weight
            state[self._name] = wide
        return state


def _reads_at_first(problem: Problem, module: nn.Module, name: str) -> bool:
    """Return whether rows come as they are to the layer with that weight, and nowhere else."""
    if not isinstance(module, nn.Sequential) or problem.recipe.augment is not None:
        return False
    passed = nn.Flatten if is_known(module, problem.recipe) else ()
    first = next(own for own in module if not isinstance(own, passed))
    return isinstance(first, nn.Linear) and first.weight is problem.tensors(module)[name]
