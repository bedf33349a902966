"""The experiments by name; each is a module with a function `run(full, data)`.

Who uses this: the runner, `shrinkage example --list`, the tests. A module is imported when its
experiment runs, for most of them load a framework.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shrinkage.errors import InputError, near_names
from shrinkage.examples.outcome import Outcome


@dataclass(frozen=True)
class Experiment:
    """A name, what it shows, the module that runs it, and what it runs on if that is fixed."""

    name: str
    summary: str
    only_on: str = ""

    @property
    def module(self) -> str:
        """The module, named as the experiment."""
        return f"shrinkage.examples.{self.name.replace('-', '_')}"

    def run(self, *, full: bool = False, data: str | None = None) -> Outcome:
        """Run it.

        Args:
            full: on all of the data, however long that takes.
            data: a data set's name or a folder, in the place of what is found.

        Raises:
            InputError: data for an experiment that has its own, or a package that is not installed.
        """
        if self.only_on and data is not None:
            raise InputError(
                f"expected no data for {self.name}, which is about {self.only_on}, got {data!r}: "
                "leave --data out"
            )
        given = {} if self.only_on else {"data": data}
        try:
            return importlib.import_module(self.module).run(full=full, **given)
        except ModuleNotFoundError as error:
            raise InputError(
                f"expected the package {error.name} for {self.name}, got none: "
                "pip install 'shrinkage[examples]'"
            ) from error


_ALL = (
    Experiment(
        "polynomial",
        "degrees 3 and 10 on the same points, and penalties that tame 10",
        only_on="points it draws",
    ),
    Experiment("torch-l1", "loss + 1.0·Σ|w| collapses; a strength from a path gives exact zeros"),
    Experiment("torch-l2", "loss + 1.0·Σw² collapses; a strength from a path does not"),
    Experiment("torch-adam-weight-decay", "Adam(weight_decay=1.0) collapses, and is not L2"),
    Experiment("torch-elastic-net", "0.3·Σ|w| + 0.7·Σw² collapses; the same ratio, chosen"),
    Experiment("dropout", "dropout's rate chosen as a strength is, beside L2 and nothing"),
    Experiment("numpy-weight-decay", "a decay in the printed loss only, and what a real one does"),
    Experiment(
        "keras-l2",
        "Keras' l2(0.01) is twice PyTorch's; SGD(penalty=…) does not exist",
        only_on="scikit-learn's digits",
    ),
    Experiment("three-frameworks", "the same terms in NumPy, PyTorch and Keras, weight by weight"),
    Experiment("l1-vs-l2", "L1, L2, elastic net and dropout on five data sets, at equal budget"),
    Experiment("feature-selection", "which proteins are needed: L1 against whole inputs"),
    Experiment("cross-validation", "a suitable λ by cross validation: the path on digits"),
    Experiment(
        "zero-strength",
        "λ = 0 is the unregularized run, bit for bit",
        only_on="scikit-learn's digits",
    ),
)

EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType({one.name: one for one in _ALL})


def experiment_named(name: str) -> Experiment:
    """Return an experiment by name.

    Raises:
        InputError: there is none of that name.

    >>> experiment_named("torch-l1").module
    'shrinkage.examples.torch_l1'
    """
    if name not in EXPERIMENTS:
        hint = near_names(name, EXPERIMENTS) or "shrinkage example --list names them"
        raise InputError(f"expected the name of an experiment, got {name!r}: {hint}")
    return EXPERIMENTS[name]
