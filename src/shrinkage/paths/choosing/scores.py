"""Scores that choose a strength: any scorer of scikit-learn, or one's own; never the penalty.

Who uses this: validation along the path and the one look at the test rows. Higher is better for
every scikit-learn scorer. Models are scored from their outputs alone, so a stack of models is
scored without an estimator object for each. What a scorer cannot score is found out before
training, on made-up outputs for the very rows that it will score.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score, get_scorer, get_scorer_names, r2_score

from shrinkage.datasets import TargetEncoding
from shrinkage.datasets.cells import level_text
from shrinkage.datasets.targets import Label, plain_label
from shrinkage.datasets.wording import listed, one_line
from shrinkage.errors import InputError, near_names
from shrinkage.paths.choosing.known_outputs import known_estimator
from shrinkage.paths.choosing.own_scores import OWN, own_scorer

SHIFT = 0.0123456789
"""Made-up outputs for numbers are the targets of other rows and so much of their range."""

EXAMPLES = {
    "classification": "accuracy, f1_macro or roc_auc_ovr",
    "regression": "r2 or neg_mean_absolute_error",
    "multi-label": "mean_average_precision",
}
"""Scorers to name where one does not fit, by task."""

DEFAULT_SCORES = {"classification": "accuracy", "regression": "r2"}
_DEFAULT_METRICS = {"classification": accuracy_score, "regression": r2_score}
ScorerLike = str | Callable[..., float]


@dataclass(frozen=True)
class Scorer:
    """A score: a scikit-learn name, or an object with a name that says what it is.

    Args:
        name: for example `accuracy`, `neg_log_loss`, `r2`; the text of an object.
        positive: the label that precision, recall and kin are about; None leaves it to the scorer.
        metric: `(estimator, X, y) -> float` of one's own; None looks the name up.

    Raises:
        InputError: scikit-learn knows no such scorer.
    """

    name: str
    positive: Label | None = None
    metric: Callable[..., float] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.metric is not None:
            return
        try:
            metric = own_scorer(self.name) or get_scorer(self.name)
        except (ValueError, KeyError):
            hint = near_names(self.name, [*get_scorer_names(), *OWN])
            hint = hint or "accuracy and r2 are the defaults"
            raise InputError(
                f"unknown scorer {self.name!r}: expected a name of "
                "sklearn.metrics.get_scorer_names(), one of "
                f"{', '.join(OWN)}, d2_pinball:Q, or the scorer itself from Python; {hint}"
            ) from None
        object.__setattr__(self, "metric", metric)

    @classmethod
    def of(cls, scorer: ScorerLike, positive: Label | None = None) -> Scorer:
        """Return the scorer of a name or of an object such as `make_scorer` gives.

        >>> from sklearn.metrics import fbeta_score, make_scorer
        >>> Scorer.of(make_scorer(fbeta_score, beta=2)).name
        "make_scorer(fbeta_score, response_method='predict', beta=2)"
        """
        metric = None if isinstance(scorer, str) else scorer
        return cls(scorer_name(scorer), positive, metric)

    def check(self, encoding: TargetEncoding, weighted: bool = False) -> None:
        """Try the scorer on made-up outputs, so that one that does not fit fails before training.

        Args:
            encoding: of the targets that will be scored.
            weighted: whether it will be called with sample weights.

        Raises:
            InputError: the scorer cannot score such targets, or not with weights.
        """
        raw = _made_up(encoding)
        weight = np.ones(len(raw)) if weighted else None
        reason = self.undefined(raw, weight, encoding)
        if not reason:
            return
        if weighted and not self.undefined(raw, None, encoding):
            raise InputError(
                f"the scorer {self.name} takes no sample weights ({reason}); choose another, or "
                "--no-score-weights (score_weights=False)"
            )
        raise InputError(
            f"the scorer {self.name} cannot score this {encoding.task} ({reason}); "
            f"{self._way_out(encoding)}"
        )

    def _way_out(self, encoding: TargetEncoding) -> str:
        if len(encoding.classes) == 2 and self.positive is None:
            first, second = encoding.classes
            asked = Scorer(self.name, second, self.metric)
            if not asked.undefined(encoding.decode(np.arange(8) % 2), None, encoding):
                return (
                    f"say which class is the positive one: --positive {first} or --positive "
                    f"{second} (positive={second!r})"
                )
        return f"choose another, for example {EXAMPLES[encoding.task]}"

    def undefined(
        self, raw_target: np.ndarray, weight: np.ndarray | None, encoding: TargetEncoding
    ) -> str:
        """Return why the score of good outputs for these rows is not a number, or nothing.

        Args:
            raw_target: the targets of the rows that will be scored, (rows,).
            weight: their sample weights, or None.
            encoding: of the targets.
        """
        codes = encoding.encode(raw_target)
        if encoding.task == "classification":
            outputs = np.random.default_rng(0).normal(size=(encoding.n_outputs, len(codes)))
            outputs[codes, np.arange(len(codes))] += 1.0
        else:
            outputs = encoding.outputs_for(np.roll(raw_target, 1, axis=0))
            outputs = outputs + SHIFT * (np.ptp(outputs) or 1.0)  # a model's are never whole
        quick = self._of_all(outputs[None], raw_target, weight, encoding)
        if quick is not None and np.isfinite(quick[0]):
            return ""
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                value = self._value(outputs, raw_target, weight, encoding)
            except Exception as error:
                return one_line(error, 160) or type(error).__name__
        if np.isfinite(value):
            return ""
        about = [w for w in said if issubclass(w.category, UndefinedMetricWarning)]
        return one_line(about[-1].message, 160) if about else f"it gives {value}"

    def score(
        self,
        outputs: np.ndarray,
        raw_target: np.ndarray,
        weight: np.ndarray | None,
        encoding: TargetEncoding,
    ) -> np.ndarray:
        """Return the score of each model, NaN where outputs are not finite or it has none.

        Args:
            outputs: (models, outputs, rows), logits or regression values.
            raw_target: the targets as the user gave them, (rows,).
            weight: sample weights (rows,), or None.
            encoding: turns outputs into predictions of the raw targets' kind.
        """
        quick = self._of_all(outputs, raw_target, weight, encoding)
        if quick is not None:
            return quick
        return np.array([self._score(model, raw_target, weight, encoding) for model in outputs])

    def _of_all(
        self,
        outputs: np.ndarray,
        raw_target: np.ndarray,
        weight: np.ndarray | None,
        encoding: TargetEncoding,
    ) -> np.ndarray | None:
        """Return the default scores of all models at once, as scikit-learn defines them.

        None for other scores, and where r2 is none: scikit-learn then has its say.
        """
        function = getattr(self.metric, "_score_func", None)
        if encoding.names:
            return None
        plain = function is _DEFAULT_METRICS[encoding.task] and not getattr(
            self.metric, "_kwargs", {}
        )
        if not plain or (weight is not None and not np.sum(weight) > 0):
            return None
        finite = np.isfinite(outputs).all(axis=(1, 2))
        if encoding.task == "classification":
            hits = encoding.encode(raw_target) == outputs.argmax(axis=1)
            return np.where(finite, np.average(hits, axis=1, weights=weight), np.nan)
        y = np.asarray(raw_target, dtype=np.float64)
        counts = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64)
        if len(y) < 2:
            return None
        spread = counts @ (y - np.average(y, weights=counts)) ** 2
        if not spread > 0:
            return None
        errors = y - encoding.decode(outputs[:, 0])
        finite &= np.isfinite(errors).all(axis=1)
        return np.where(finite, 1.0 - (errors * errors) @ counts / spread, np.nan)

    def _score(
        self,
        outputs: np.ndarray,
        raw_target: np.ndarray,
        weight: np.ndarray | None,
        encoding: TargetEncoding,
    ) -> float:
        if not np.isfinite(outputs).all():
            return float("nan")
        try:
            return self._value(outputs, raw_target, weight, encoding)
        except (
            ValueError,
            ArithmeticError,
        ):  # such predictions have no score, for example a logarithm of one below 0
            return float("nan")

    def _value(
        self,
        outputs: np.ndarray,
        raw_target: np.ndarray,
        weight: np.ndarray | None,
        encoding: TargetEncoding,
    ) -> float:
        if self.positive is not None:
            place = encoding.classes.index(self.positive)
            raw_target = (encoding.encode(raw_target) == place).astype(np.int64)
            outputs = outputs[[1 - place, place]]
            encoding = TargetEncoding("classification", classes=(0, 1))
        elif encoding.merged:
            raw_target = encoding.decode(encoding.encode(raw_target))
        extra: dict[str, Any] = {} if weight is None else {"sample_weight": weight}
        rows = np.arange(outputs.shape[1])[:, None]
        estimator = known_estimator(outputs, encoding)
        assert self.metric is not None
        if encoding.task == "classification" and _wants_labels(self.metric):
            return _with_labels(self.metric, estimator, rows, raw_target, encoding, extra)
        return float(self.metric(estimator, rows, raw_target, **extra))


def scorer_name(scorer: ScorerLike) -> str:
    """Return the text of a scorer, as a run directory keeps it.

    Raises:
        InputError: no scorer, as the functions of (target, prediction) that make one.

    >>> scorer_name("r2"), scorer_name(Scorer("r2").metric)
    ('r2', "make_scorer(r2_score, response_method='predict')")
    """
    if isinstance(scorer, str):
        return scorer
    if not callable(scorer):
        raise InputError(
            f"expected a scorer as a name or a function of (estimator, X, y), got {scorer!r}: use "
            "sklearn.metrics.make_scorer"
        )
    name = one_line(getattr(scorer, "__qualname__", None) or repr(scorer), 200)
    try:
        with suppress(ValueError):  # one without a signature
            inspect.signature(scorer).bind("estimator", "X", "y")
    except TypeError:
        raise InputError(
            f"expected a scorer as a function of (estimator, X, y), got {name}, which takes other "
            f"arguments: sklearn.metrics.make_scorer({name}) makes one of a function of (target, "
            "prediction)"
        ) from None
    return name


@contextmanager
def scoring_quietly() -> Iterator[None]:
    """Silence what metrics say of models that never predict some class: their score says it.

    Filters are of the whole process, so this goes around a run, not into its threads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        warnings.filterwarnings("ignore", module=r"sklearn\.metrics")
        yield


def label_called(name: Label | None, encoding: TargetEncoding) -> Label | None:
    """Return the one of two labels that is meant by its text: `1` is 1 on the command line.

    Raises:
        InputError: the target has other labels, or not two.

    >>> label_called("1", TargetEncoding("classification", classes=(0, 1)))
    1
    """
    if name is None:
        return None
    text = level_text(plain_label(name))
    label = next((label for label in encoding.classes if level_text(label) == text), None)
    if len(encoding.classes) != 2 or label is None:
        raise InputError(
            "expected --positive (positive=) as one of the two labels of a binary target, got "
            f"{name!r} for {listed(encoding.classes) or 'a regression'}: leave it out, or name "
            "a label"
        )
    return label


def _made_up(encoding: TargetEncoding) -> np.ndarray:
    """Return raw targets as an encoding knows them."""
    classes, several = len(encoding.classes), len(encoding.names)
    if classes:
        return encoding.decode(np.arange(4 * classes) % classes)
    if encoding.task == "multi-label":
        return (np.arange(6 * several).reshape(6, several) + np.arange(6)[:, None]) % 2
    numbers = np.arange(1.0, 7.0)
    if several:
        numbers = numbers[:, None] + np.arange(several)
    return encoding.scale * numbers + encoding.mean


def _wants_labels(metric: object) -> bool:
    """Return whether a scorer hands probabilities of all classes to a metric that takes labels."""
    method = getattr(metric, "_response_method", "predict")
    function = getattr(metric, "_score_func", None)
    if method == "predict" or function is None or "labels" in getattr(metric, "_kwargs", {}):
        return False
    return "labels" in inspect.signature(function).parameters


def _with_labels(
    metric: Any,
    estimator: object,
    rows: np.ndarray,
    raw_target: np.ndarray,
    encoding: TargetEncoding,
    extra: dict[str, Any],
) -> float:
    """Score with all labels named, since a set may hold only some of them."""
    from sklearn import config_context

    with config_context(enable_metadata_routing=True):
        labels = np.asarray(encoding.classes)
        return float(metric(estimator, rows, raw_target, labels=labels, **extra))
