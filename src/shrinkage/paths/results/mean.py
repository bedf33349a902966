"""The mean of several networks: one strength, trained from seeds of their own, answering together.

Who uses this: a path that was asked for `members`. A network of few rows depends on the weights
that it started from; the mean of some depends less on them, at the price of their trainings alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

MEAN = "mean"
"""The role of several networks of the best strength together."""


class MeanOf(nn.Module):
    """Networks that answer together, with the mean of their probabilities or of their outputs.

    Of classes the outputs are `log (1/K) Σₖ softmax(fₖ(x))`, whose softmax is the mean of the
    probabilities; else they are `(1/K) Σₖ fₖ(x)`.

    Args:
        networks: each answers with (rows, outputs).
        classes: whether the outputs are logits of classes.

    >>> sure, unsure = nn.Linear(1, 2), nn.Linear(1, 2)
    >>> for layer, logit in ((sure, 9.0), (unsure, 0.0)):
    ...     _ = layer.load_state_dict(
    ...         {"weight": torch.zeros(2, 1), "bias": torch.tensor([0.0, logit])}
    ...     )
    >>> with torch.no_grad():  # of 0.99988 and 0.5
    ...     MeanOf([sure, unsure], classes=True)(torch.zeros(1, 1)).softmax(dim=1)
    tensor([[0.2501, 0.7499]])

    Source: Hansen and Salamon, Neural network ensembles (1990); Lakshminarayanan, Pritzel and
    Blundell, Simple and scalable predictive uncertainty estimation using deep ensembles (2017).
    """

    def __init__(self, networks: Sequence[nn.Module], *, classes: bool) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.classes = classes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs, (rows, outputs)."""
        outputs = torch.stack([network(x) for network in self.networks])
        if not self.classes:
            return outputs.mean(dim=0)
        return outputs.log_softmax(dim=-1).logsumexp(dim=0) - math.log(len(self.networks))


def mean_arrays(networks: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the arrays of a `MeanOf` from those of its networks.

    >>> sorted(mean_arrays([{"bias": np.zeros(1)}] * 2))
    ['networks.0.bias', 'networks.1.bias']
    """
    return {
        f"networks.{place}.{name}": value
        for place, arrays in enumerate(networks)
        for name, value in arrays.items()
    }


def members_in(arrays: Mapping[str, np.ndarray]) -> int:
    """Return how many networks the arrays of a `MeanOf` are of.

    >>> members_in(mean_arrays([{"bias": np.zeros(1)}] * 12))
    12
    """
    return 1 + max(int(name.split(".")[1]) for name in arrays)
