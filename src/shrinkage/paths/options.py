"""What a person may choose about a path, checked once, before anything is trained or written.

Who uses this: `fit_path` and the command line fill in `PathOptions`; the run directory keeps a
fingerprint of them so that a resumed run is the same run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch

from shrinkage.checks import is_number, number, one_of, positive, shown, truth, whole
from shrinkage.datasets.own_folds import Folds, checked_folds
from shrinkage.datasets.rare import ClassWeight
from shrinkage.datasets.targets import Label, plain_label
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError
from shrinkage.importing import import_function
from shrinkage.paths.choosing.grid import checked_strengths
from shrinkage.paths.choosing.scores import ScorerLike, scorer_name
from shrinkage.paths.data_losses import data_loss, names_function
from shrinkage.paths.engines.answer_parts import checked_part
from shrinkage.paths.engines.own_loss import called
from shrinkage.paths.engines.precision import PRECISIONS
from shrinkage.paths.engines.recipe import LEARNING_RATE
from shrinkage.paths.running.input_groups import GroupsOfInputs, checked_groups
from shrinkage.paths.running.memory import size_in_bytes
from shrinkage.paths.running.runners.registry import runner_named
from shrinkage.paths.sparsifying.goals import Goal, check_beside, goal_of
from shrinkage.selections import Selection, as_selection

CHOOSE_BY = ("score", "loss")
UPDATES = ("proximal", "decoupled", "gradient", "loss")
ENGINES = ("auto", "stacked", "vectorized", "sequential")
REFITS = ("chosen", "all")
RARE = ("keep", "other")
LARGEST_SEED = 2**32 - 1
MOST_MEMBERS = 100
OWN = ("optimizer", "loss", "augment", "answer")
"""Options that are functions of the user's own."""
TRUTHS = ("compare", "score_weights", "fast", "standardize")
Own = Any  # a function, the name of one, or None
SETTLE, SETTLE_FAST = 1e-6, 0.01
_SETTLE = "the default is 1e-6, with fast 0.01, and 0 trains all epochs"
_LEAST = {"epochs": 1, "batch_size": 1, "rare_below": 2, "repeats": 1, "nested": 2}
DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True, kw_only=True)
class PathOptions:
    """Choices of a path; None means that a default follows from the data.

    Args:
        strengths: how many (2 to 1,000), or an ascending tuple of them, of one too.
        folds: number of folds (≥ 2), a splitter of scikit-learn (`TimeSeriesSplit(5)`), or pairs
            (training rows, validation rows) of the rows that are no test rows; not used with a
            validation set of one's own.
        repeats: how often the rows are divided into folds anew, the scores of all rounds averaged;
            None: 3 times where under 300 rows are divided into the five folds of the default.
        nested: outer folds in which grid, cross validation, choice and refit are repeated, and the
            model scored on rows that none of them saw; None: not done.
        choose_by: `score`, or `loss`: the log loss on the validation rows, half the mean squared
            error of numbers, whatever the score that is shown.
        compare: whether to train logistic (or ridge) regression, a random forest and gradient
            boosting by scikit-learn on the same folds and test rows, and the unregularized network
            at the best of four learning rates.
        update: how the penalty enters training, one of DESIGN's four.
        select: name patterns of the parameters to penalise, or selections such as `layer("0")`;
            empty: every default weight.
        seed: of splits, weights, batches and dropout.
        epochs: passes over the rows; None: about 2,000 steps, but between 5 and 200 epochs, which
            are 200 steps where a batch holds all rows. A linear model is solved instead.
        batch_size: rows a step; None: 128 (2,048 of censored times), or all rows if there are
            fewer.
        learning_rate: the largest learning rate of the schedule.
        optimizer: a function of the parameters that returns another optimizer than Adam, such as
            `partial(torch.optim.SGD, lr=0.1, momentum=0.9)`, or its name `package.module:function`;
            the schedule multiplies its learning rates.
        loss: the data loss: `squared`, `poisson`, `quantile:0.9`, `cox` or `cox:efron` for numbers,
            `ordinal` for ordered classes; or a function (outputs, targets) of a batch that returns
            the mean loss, or one a row, such as `torch.nn.CrossEntropyLoss(label_smoothing=0.1)`,
            or its name; None: that of the task.
        augment: a function of a batch's inputs that returns others, in training, or its name.
        answer: which part of what a network answers holds its outputs, where that is no tensor: a
            field's name, a position, or a function of the answer; None: the field `logits`.
        scorer: a scikit-learn scorer's name, or from Python a scorer such as `make_scorer` gives;
            None: accuracy or r2.
        positive: of two labels the one that precision, recall and kin are about.
        score_weights: whether sample weights count in scores, and not in the loss alone.
        class_weight: `balanced`, or from Python a weight by label: multiplies the loss of the rows
            of a class, as scikit-learn's.
        rare: `keep` rare classes, or merge them into one called `other`.
        rare_below: with `other`, a class of fewer rows is rare; None: fewer training rows than
            folds.
        test_size: share of the rows held out for the one look at the test set; 0: none.
        refit: `chosen` (best, one standard error, unregularized) or `all` strengths.
        members: so many networks of the best strength are trained, from seeds of their own; the
            model `mean` answers with the mean of their probabilities, of numbers of their outputs.
        engine: `auto`, `stacked` (known layers), `vectorized` (any module that torch's `vmap` can)
            or `sequential`; `auto` tries and measures where layers are not known.
        device: `auto`, `cpu`, `cuda`, …
        dtype: `float32` or `float64`.
        precision: of matrix products: `float32`, `bfloat16` with float32 weights, or `auto`:
            bfloat16 where a stacked network is trained on a processor that has it.
        runner: what runs the units: `threads`, `processes`, `ray` or `slurm`.
        address: where the runner is: of a Ray cluster (HOST:PORT or auto; None: a Ray of this
            machine), or for `slurm` a folder that all nodes see (None: ~/.shrinkage).
        groups_of_inputs: columns that are one group for a group lasso per input: names of groups
            with their columns, or a label for each column; None: each column is one.
        memory: the most that the process, or on a GPU its memory, may hold, as `"2GB"` or in bytes:
            models train in chunks that fit. None: half of what is free is for training.
        fast: train all strengths of a network a little, and in full only those that the choice asks
            for; the others are told. Linear models are solved anyway.
        settle: models of a stack end early where no more than this share of a loss, of the weights
            that are zero or of the predicted classes would still change, so below 1; 0: none does.
            None: 1e-6, which changes nothing that is told, and with `fast` 0.01.
        free: columns whose weights in the first layer no term penalises.
        standardize: whether numbers become (x − mean)/scale, fitted on a fold's training rows;
            else strengths are about weights in the columns' own units.
        goal: train one network dense first and then ever smaller, and take the smallest within one
            standard error (`smallest`, `smallest features`) or the best of a budget (`50
            features`, `3000 weights`, `20 kB`), or the smallest that is so good (`error 1.69%`,
            `score 0.9`), as `choose_by` judges. Strengths are
            compressions then.
    """

    strengths: int | tuple[float, ...] = 20
    folds: Folds = 5
    repeats: int | None = None
    nested: int | None = None
    choose_by: str = "score"
    compare: bool = False
    update: str = "proximal"
    select: tuple[str | Selection, ...] = ()
    seed: int = 0
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float = LEARNING_RATE
    optimizer: Own = None
    loss: Own = None
    augment: Own = None
    answer: Own = None
    scorer: ScorerLike | None = None
    positive: Label | None = None
    score_weights: bool = True
    class_weight: ClassWeight = None
    rare: str = "keep"
    rare_below: int | None = None
    test_size: float = 0.2
    refit: str = "chosen"
    members: int = 1
    engine: str = "auto"
    device: str = "auto"
    dtype: str = "float32"
    precision: str = "auto"
    runner: str = "threads"
    address: str | None = None
    groups_of_inputs: GroupsOfInputs | None = None
    free: tuple[str, ...] = ()
    memory: str | float | None = None
    fast: bool = False
    settle: float | None = None
    standardize: bool = True
    goal: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "strengths", checked_strengths(self.strengths))
        checked: dict[str, object] = {
            "folds": _folds(self.folds),
            "seed": whole(self.seed, "seed", 0, "the default is 0", most=LARGEST_SEED),
            "choose_by": one_of(self.choose_by, "choose_by", CHOOSE_BY),
            "update": one_of(self.update, "update", UPDATES),
            "engine": one_of(self.engine, "engine", ENGINES),
            "refit": one_of(self.refit, "refit", REFITS),
            "rare": one_of(self.rare, "rare", RARE),
            "dtype": one_of(self.dtype, "dtype", DTYPES),
            "precision": one_of(self.precision, "precision", PRECISIONS),
            "runner": runner_named(self.runner).name,
            "groups_of_inputs": checked_groups(self.groups_of_inputs),
            "free": _columns(self.free),
            "select": _patterns(self.select),
            "learning_rate": positive(
                self.learning_rate, "learning_rate", f"the default is {LEARNING_RATE:g}"
            ),
            "test_size": number(
                self.test_size, "test_size", below=1, hint="the default is 0.2, and 0 is none"
            ),
        }
        for name in TRUTHS:
            checked[name] = truth(getattr(self, name), name)
        for name in OWN:
            checked[name] = _function(getattr(self, name), name)
        for name, least in _LEAST.items():
            if getattr(self, name) is not None:
                checked[name] = whole(getattr(self, name), name, least, "or leave it out")
        if self.settle is not None:
            checked["settle"] = number(self.settle, "settle", below=1, hint=_SETTLE)
        if self.memory is not None:
            checked["memory"] = size_in_bytes(self.memory)
        checked["members"] = whole(
            self.members, "members", 1, "the default is 1, and 8 is usual", most=MOST_MEMBERS
        )
        if self.rare_below is not None and self.rare != "other":
            raise InputError(
                f"expected rare='other' (--rare other) beside rare_below {self.rare_below}, got "
                f"{self.rare!r}: give both or none"
            )
        if self.goal is not None:
            checked["goal"] = goal_of(self.goal).text
            self._check_goal()
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def _check_goal(self) -> None:
        """Refuse what a sparsity path has no use for."""
        check_beside(vars(self))
        if isinstance(self.strengths, tuple) and self.strengths[0] < 1:
            raise InputError(
                f"expected strengths of at least 1 beside a goal, where they are compressions, got "
                f"{self.strengths[0]:g}: 10 keeps a tenth"
            )

    @property
    def wanted(self) -> Goal | None:
        """Return the goal, if there is one."""
        return None if self.goal is None else goal_of(self.goal)

    def to_dict(self) -> dict[str, object]:
        """Return what makes two runs the same run, as JSON knows it."""
        values = dict(vars(self))
        values["folds"] = self.folds if isinstance(self.folds, int) else _folds_text(self.folds)
        if self.scorer is not None:
            values["scorer"] = scorer_name(self.scorer)
        values["class_weight"] = self.told_class_weight
        values["positive"] = None if self.positive is None else plain_label(self.positive)
        if isinstance(self.strengths, tuple):
            values["strengths"] = list(self.strengths)
        values["select"], values["free"] = self.told_select, list(self.free)
        usual = {"choose_by": "score", "repeats": None, "compare": False, "precision": "auto"}
        usual |= {"fast": False, "nested": None, "goal": None, "settle": None, "members": 1}
        for name in OWN:
            own, usual[name] = getattr(self, name), None
            values[name] = own if own is None or isinstance(own, (str, int)) else called(own)
        for name in (name for name, value in usual.items() if values[name] == value):
            del values[name]  # a run of a version without it goes on
        for name in ("runner", "address", "memory"):  # where it trains makes no other run
            del values[name]
        return values

    @property
    def told_select(self) -> list[str]:
        """Return what the penalty is on as JSON knows it."""
        return list(map(str, self.select))

    @property
    def told_class_weight(self) -> object:
        """Return the weights of classes as JSON knows them."""
        weight = self.class_weight
        if isinstance(weight, Mapping):
            return [[str(label), float(value)] for label, value in weight.items()]
        return weight

    @property
    def memory_cap(self) -> float | None:
        """Return `memory` in bytes."""
        return None if self.memory is None else size_in_bytes(self.memory)

    @property
    def tolerance(self) -> float:
        """Return the share that may still change where a model ends early.

        >>> PathOptions().tolerance, PathOptions(fast=True).tolerance
        (1e-06, 0.01)
        """
        if self.settle is not None:
            return self.settle
        return SETTLE_FAST if self.fast else SETTLE

    def torch_device(self) -> torch.device:
        """Return the device, the fastest one for `auto`.

        Raises:
            InputError: the device is unknown or not on this machine.
        """
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            device = torch.device(self.device)
            torch.zeros(1, device=device).cpu()
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            reason = one_line(error, 100)
            raise InputError(
                f"device {self.device!r} cannot be used here ({reason}); expected auto, cpu, or "
                "cuda where there is one"
            ) from None
        return device


def _function(own: Own, name: str) -> Any:
    if name == "answer":
        return checked_part(own)
    if name == "loss" and isinstance(own, str) and not names_function(own):
        return data_loss(own).name
    if isinstance(own, str):
        own = import_function(own, f"--{name}")
    if own is not None and not callable(own):
        of = _ARGUMENTS[name]
        raise InputError(
            f"expected a function of {of} for {name}, or its name package.module:function, got "
            f"{type(own).__name__}: give such a function"
        )
    return own


_ARGUMENTS = {
    "optimizer": "the parameters (as partial(torch.optim.SGD, lr=0.1))",
    "loss": "outputs and targets (as torch.nn.HuberLoss())",
    "augment": "a batch's inputs",
}


def options_of(
    options: dict[str, object], function: str, *, without: tuple[str, ...] = ()
) -> PathOptions:
    """Return the options that a function was called with, checked.

    Args:
        options: by name.
        function: what it is called, for the error.
        without: fields that it does not take.

    Raises:
        InputError: an unknown option, or a value that does not fit.
    """
    known = [field.name for field in fields(PathOptions) if field.name not in without]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise InputError(
            f"{function} has no option {unknown[0]!r}: expected some of {', '.join(known)}"
        )
    return PathOptions(**options)  # type: ignore[arg-type]


def _patterns(select: Any) -> tuple[str | Selection, ...]:
    """Return name patterns and selections, of which one may stand alone."""
    several = isinstance(select, Iterable) and not isinstance(select, str)
    asked: tuple[Any, ...] = tuple(select) if several else (select,)
    for own in asked:
        as_selection(own)
    return asked


def _columns(free: Any) -> tuple[str, ...]:
    if isinstance(free, str):
        return (free,)
    if not isinstance(free, Iterable):
        raise InputError(
            f"expected the names of columns for free, got {shown(free)}: leave it out, or give some"
        )
    return tuple(map(str, free))


def _folds(folds: Folds) -> Folds:
    if is_number(folds):
        return whole(folds, "folds", 2, "the default is 5")
    return checked_folds(folds)


def _folds_text(folds: object) -> str:
    """Return a splitter's text, or how many pairs there are: the plan's identity has the rows."""
    return f"{len(folds)} pairs" if isinstance(folds, tuple) else one_line(folds, 200)
