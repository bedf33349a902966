"""The registry of parity: penalties × optimizers × updates × frameworks, and what does not exist.

Who uses this: the tests of this folder, every framework's run, and the table in the documentation.
NumPy is the reference; a case is one sum of penalties trained by one framework, and either ends at
the reference's weights or has a reason why it does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from shrinkage import L1, L2, ElasticNet, GroupLasso, Terms
from shrinkage.penalties import MCP, SCAD, LogSum, SparseGroupLasso

STEPS = 100
TOLERANCE = 1e-8
# Of an epsilon: nothing beside any root of a squared gradient here, and no 0 / 0 where that is 0.
NEGLIGIBLE = 2**-100
UPDATES = ("proximal", "decoupled", "gradient", "loss")


@dataclass(frozen=True)
class Framework:
    """Where training runs: a module of this folder, in a process of its own.

    Args:
        title: its column in the table.
        module: the module whose `train` runs it.
        environment: what its process needs.
    """

    title: str
    module: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def is_keras(self) -> bool:
        """Whether Keras takes the steps."""
        return self.module == "tests.parity.frameworks.in_keras"


def _keras(title: str, backend: str) -> Framework:
    environment = {"KERAS_BACKEND": backend, "JAX_ENABLE_X64": "1"}
    return Framework(f"Keras on {title}", "tests.parity.frameworks.in_keras", environment)


FRAMEWORKS: dict[str, Framework] = {
    "torch": Framework("PyTorch", "tests.parity.frameworks.in_torch"),
    "keras-tensorflow": _keras("TensorFlow", "tensorflow"),
    "keras-jax": _keras("JAX", "jax"),
    "keras-torch": _keras("torch", "torch"),
    "optax": Framework("optax", "tests.parity.frameworks.in_optax", {"JAX_ENABLE_X64": "1"}),
}


@dataclass(frozen=True)
class Setting:
    """An optimizer with its numbers; each framework makes its own from them.

    Args:
        title: its name in the table.
        rate: the learning rate.
        momentum: of SGD; None for Adam.
        epsilon: of Adam.
        place: where that epsilon stands, "torch" or "keras"; "any" where it does not matter.
    """

    title: str
    rate: float
    momentum: float | None = None
    epsilon: float = 0.0
    place: str = "any"


# Powers of two, which float32 holds: TensorFlow takes Python numbers through it, so that others
# would be rounded there and nowhere else.
BETAS = (1 - 2**-3, 1 - 2**-10)
# The last two have epsilons far above the default, so that it matters where they stand.
OPTIMIZERS: dict[str, Setting] = {
    "momentum": Setting("SGD with momentum", 2**-5, momentum=1 - 2**-3),
    "adam": Setting("Adam, ε = 2⁻¹⁰⁰", 2**-6, epsilon=NEGLIGIBLE),
    "adam-torch": Setting("Adam, √v̂ + ε", 2**-6, epsilon=2**-10, place="torch"),
    "adam-keras": Setting("Adam, √v + ε", 2**-6, epsilon=2**-10, place="keras"),
}

# Of one network each. The last is around a reference: see `problem`.
SUMS: dict[str, Terms] = {
    "l1": Terms((0.015 * L1(),)),
    "l2": Terms((0.06 * L2(),)),
    "elastic": Terms((0.03 * ElasticNet(0.5),)),
    "inputs": Terms((2**-6 * GroupLasso(per="input"),)),
    "sparse": 2**-7 * SparseGroupLasso(0.25, per="output") + 2**-6 * L2(),
    "mcp": Terms((2**-5 * MCP(4.0),)),
    "scad": Terms((2**-6 * SCAD(4.0),)),
    "log-sum": Terms((2**-6 * LogSum(0.25),)),
    "around": Terms((2**-7 * L1(),)),
}


# One code for signs, models and dtypes: what is their own is met in two places.
CONCAVE = ("mcp", "scad", "log-sum")


@dataclass(frozen=True)
class Absence:
    """Cases that do not exist, with the reason; an empty tuple stands for all."""

    reason: str
    keras: bool
    optimizers: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()

    def covers(self, case: Case) -> bool:
        """Return whether the case is among them."""
        return FRAMEWORKS[case.framework].is_keras == self.keras and all(
            not chosen or own in chosen
            for own, chosen in (
                (case.optimizer, self.optimizers),
                (case.update, self.updates),
                (case.sum_name, self.sums),
            )
        )


ABSENCES = (
    Absence(
        "Keras' Adam adds ε to √v before its bias is corrected, so ε has another size in each step",
        keras=True,
        optimizers=("adam-torch",),
    ),
    Absence(
        "torch and optax add ε to √v̂, which is corrected for its bias",
        keras=False,
        optimizers=("adam-keras",),
    ),
    Absence(
        "a layer's regularizer is saved in the model's config, which holds no reference",
        keras=True,
        updates=("loss",),
        sums=("around",),
    ),
)


@dataclass(frozen=True)
class Case:
    """One training: its framework, optimizer, update and sum of penalties, by name."""

    framework: str
    optimizer: str
    update: str
    sum_name: str

    @property
    def reason(self) -> str | None:
        """Why it does not exist, None where it does."""
        by_place = [absence.reason for absence in ABSENCES if absence.covers(self)]
        return by_place[0] if by_place else None


def cases(framework: str) -> Iterator[Case]:
    """Yield every case of a framework, those that do not exist too."""
    for optimizer in OPTIMIZERS:
        for update in UPDATES:
            for sum_name in SUMS:
                yield Case(framework, optimizer, update, sum_name)


def is_needed(case: Case) -> bool:
    """Return whether a case is more than a repetition.

    An epsilon matters in Adam's metric alone, and beside it the updates meet every framework. What
    is added to the loss is added to the gradient by the framework itself: once is enough.
    """
    if case.sum_name in CONCAVE:
        return (case.optimizer, case.update) in (("adam", "proximal"), ("momentum", "gradient"))
    if case.update == "proximal":
        return True
    return case.optimizer == "momentum" or (case.optimizer != "adam" and case.update != "loss")


def runs(framework: str, *, thorough: bool) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return (optimizer, update) → the sums that exist there, which are trained in one go."""
    by_place: dict[tuple[str, str], tuple[str, ...]] = {}
    for case in cases(framework):
        if case.reason is None and (thorough or is_needed(case)):
            place = case.optimizer, case.update
            by_place[place] = (*by_place.get(place, ()), case.sum_name)
    return by_place
