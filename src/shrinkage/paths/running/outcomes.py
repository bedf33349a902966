"""What is measured of a trained unit: scores, losses, zeros, norms, and how training ended.

Who uses this: `fit_path`, which joins the outcomes of all units, and the run directory, which
stores each as named arrays so that a resumed run need not train it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from shrinkage.paths.choosing.judging import judge, loss_at, outputs_at
from shrinkage.paths.choosing.log_losses import log_losses
from shrinkage.paths.engines.base import Problem, Trained, Unit, spread
from shrinkage.paths.engines.input_layer import first_weight, kept_inputs
from shrinkage.paths.engines.stationarity import CONVERGED
from shrinkage.paths.results.class_figures import MOST_COUNTED_CLASSES, confusions
from shrinkage.paths.results.records import Status
from shrinkage.paths.results.score_figures import ScoredRows
from shrinkage.paths.running.score_groups import GROUP_SCORE, scores_by_group

CONFUSION = "confusion"
TRAIN_LOSS_ROWS = 10_000
_AT_ONCE = 1 << 20  # outputs or weights that are looked at together: in float64
CONSTANT = 1e-3
"""Differences of probabilities, or of numbers in spreads of the target, that say nothing."""


@dataclass(frozen=True)
class UnitOutcome:
    """Measures of one unit; `values` maps names to arrays whose first axis is the model.

    Names: `score`, `log_loss` (NaN of numbers), `train_loss`, `validation_loss`, `status`
    (positions in `Status`), `residual` (NaN: not measured), `halved_to` (models that trained
    together since memory ran out, 0: it did not), `epochs` (trained, where models may end early),
    `nonzero/NAME`, `norm/NAME` for each penalised
    array, `inputs_kept` (source columns), `columns_used` (which ones, packed in bits),
    `confusion` (models, classes, classes; of few classes), `network_inputs_kept` (inputs, of which
    a column may make several), and for curves
    `curve/epochs`, `curve/train_loss`, `curve/validation_loss`, `curve/validation_score`.
    A refit has `weights/NAME` instead of scores.
    """

    values: Mapping[str, np.ndarray]

    def named(self, prefix: str) -> dict[str, np.ndarray]:
        """Return the arrays whose name starts with `prefix/`, under the rest of their name."""
        start = prefix + "/"
        return {
            name.removeprefix(start): value
            for name, value in self.values.items()
            if name.startswith(start)
        }

    def columns_used(self, columns: int) -> np.ndarray | None:
        """Return which of so many source columns each model uses, (models, columns), or None.

        None where the first layer does not read the columns one by one.
        """
        packed = self.values.get("columns_used")
        return None if packed is None else np.unpackbits(packed, axis=1, count=columns).astype(bool)

    @property
    def status(self) -> tuple[Status, ...]:
        """Return how training ended for each model."""
        known = list(Status)
        return tuple(known[int(code)] for code in self.values["status"])


def joined(parts: Sequence[UnitOutcome]) -> UnitOutcome:
    """Return the outcome of all models of a fold from those of some of them each."""
    values = {}
    for name in common_names([part.values for part in parts]):
        arrays = [part.values[name] for part in parts]
        if name == "curve/epochs":
            values[name] = arrays[0]
        else:
            values[name] = np.concatenate(arrays, axis=1 if name.startswith("curve/") else 0)
    return UnitOutcome(values)


def common_names(measures: Sequence[Mapping[str, np.ndarray]]) -> list[str]:
    """Return the names that all have: a unit kept by an older version measured less.

    >>> one, two = {"score": np.ones(1), "residual": np.ones(1)}, {"score": np.ones(1)}
    >>> common_names([one, two])
    ['score']
    """
    first, *others = measures
    return [name for name in first if all(name in other for other in others)]


def measured(problem: Problem, unit: Unit, trained: Trained) -> UnitOutcome:
    """Return the outcome of a unit: of a fold its scores, of a refit its weights."""
    measure = refitted if unit.data.validation is None else validated
    return measure(problem, unit, trained)


def validated(problem: Problem, unit: Unit, trained: Trained) -> UnitOutcome:
    """Measure a unit on its validation rows.

    Raises:
        ValueError: the unit has no validation rows.
    """
    positions = unit.data.validation
    if positions is None:
        raise ValueError("this unit has no validation rows")
    values = outputs_at(unit.data.rows, positions, trained.outputs)
    outputs, score, loss = judge(problem, unit.data, values, positions)
    subset = spread(unit.data.train, TRAIN_LOSS_ROWS)
    of_training = outputs_at(unit.data.rows, subset, trained.outputs)
    places = positions.cpu().numpy()
    weight = None if unit.data.score_weight is None else unit.data.score_weight[places]
    raw, encoding = unit.data.raw_target[places], unit.data.encoding
    told: dict[str, np.ndarray] = {
        "score": score,
        "log_loss": log_losses(outputs, raw, weight, encoding),
        "validation_loss": loss,
        "train_loss": loss_at(problem, unit.data.rows, subset, of_training),
        **_ends(problem, unit, trained, outputs),
        **_array_measures(problem, unit, trained),
        "halved_to": np.zeros(len(score)),
    }
    if trained.epochs is not None:
        told["epochs"] = trained.epochs.astype(np.float64)
    if encoding.task == "classification" and encoding.n_outputs <= MOST_COUNTED_CLASSES:
        codes = unit.data.rows.target[positions].cpu().numpy()
        told[CONFUSION] = confusions(outputs, codes)
    if unit.data.groups is not None:
        rows = ScoredRows(outputs[0], raw, weight, None, encoding)
        scores = scores_by_group(problem.scorer, outputs, rows, unit.data.groups.take(places))
        told |= {f"{GROUP_SCORE}/{label}": own for label, own in scores.items()}
    if trained.curves is not None:
        told["curve/epochs"] = trained.curves.epochs
        told["curve/train_loss"] = trained.curves.train_loss
        told["curve/validation_loss"] = trained.curves.validation_loss
        told["curve/validation_score"] = trained.curves.validation_score
    return UnitOutcome(told)


def refitted(problem: Problem, unit: Unit, trained: Trained) -> UnitOutcome:
    """Keep the weights of a unit that was trained on all training rows."""
    sample = spread(unit.data.train, TRAIN_LOSS_ROWS)
    outputs = outputs_at(unit.data.rows, sample, trained.outputs).cpu().numpy()
    weights = {f"weights/{name}": value.cpu().numpy() for name, value in trained.arrays.items()}
    return UnitOutcome(
        {
            **_ends(problem, unit, trained, outputs),
            **_array_measures(problem, unit, trained),
            **weights,
            "halved_to": np.zeros(outputs.shape[0]),
        }
    )


def _ends(
    problem: Problem, unit: Unit, trained: Trained, outputs: np.ndarray
) -> dict[str, np.ndarray]:
    """Return how each model's training ended, and its residual, NaN where it has none."""
    wanted = unit.watched and trained.residual is not None
    residual = trained.residual() if wanted and trained.residual is not None else None
    if residual is None:
        residual = np.full(len(trained.converged), np.nan)
    converged = trained.converged & ~(residual > CONVERGED)
    target = unit.data.rows.target[unit.data.train].double().cpu().numpy()
    sound = _are_finite(trained, outputs)
    same = np.zeros(len(sound), dtype=bool)
    for models in np.array_split(np.flatnonzero(sound), 1 + outputs.size // _AT_ONCE):
        same[models] = is_constant(problem.loss.said(outputs[models], target))
    return {"status": _status(sound, same, converged), "residual": residual}


def _are_finite(trained: Trained, outputs: np.ndarray) -> np.ndarray:
    """Return for each model whether its outputs and its weights are finite."""
    finite = [np.isfinite(outputs).all(axis=(1, 2))]
    for value in trained.arrays.values():
        if value[0].numel():
            least, most = value.reshape(len(value), -1).aminmax(dim=1)  # NaN where one weight is
            finite.append(np.isfinite(least.cpu().numpy()) & np.isfinite(most.cpu().numpy()))
    return np.all(finite, axis=0)


def _status(sound: np.ndarray, same: np.ndarray, arrived: np.ndarray) -> np.ndarray:
    """Return for each model its position in `Status`."""
    known = list(Status)
    status = np.where(arrived, known.index(Status.OK), known.index(Status.NOT_CONVERGED))
    status[same] = known.index(Status.COLLAPSED)
    status[~sound] = known.index(Status.DIVERGED)
    return status


def is_constant(said: np.ndarray) -> np.ndarray:
    """Return whether models say the same for every row, up to a thousandth.

    No class's or label's probability may differ by more than 0.001 between two rows, no number by
    more than 0.001 spreads of the target. Which class is the likeliest does not matter: with 3 %
    positives it is always the same one, however well the probabilities rank the rows.

    Args:
        said: (…, outputs, rows), as the loss says what outputs say.

    >>> is_constant(np.array([[[0.4, 0.4], [0.6, 0.6]], [[0.4, 0.6], [0.6, 0.4]]]))
    array([ True, False])
    """
    return np.ptp(said, axis=-1).max(axis=-1) <= CONSTANT


def _norms(flat: torch.Tensor) -> torch.Tensor:
    """Return the norms of weights (models, n) in float64, of which no more than some are copied."""
    at_once = max(1, _AT_ONCE // max(1, flat.shape[1]))
    return torch.cat([torch.linalg.vector_norm(own.double(), dim=1) for own in flat.split(at_once)])


def _array_measures(problem: Problem, unit: Unit, trained: Trained) -> dict[str, np.ndarray]:
    """Return nonzero counts and norms of the penalised arrays, and the inputs that are kept."""
    values: dict[str, np.ndarray] = {}
    for name in (name for name in problem.counted if name in trained.arrays):
        flat = trained.arrays[name].flatten(start_dim=1)
        values[f"nonzero/{name}"] = torch.count_nonzero(flat, dim=1).cpu().numpy()
        values[f"norm/{name}"] = _norms(flat).cpu().numpy()
    first = first_weight(problem.assignment.infos, unit.data.n_inputs)
    if first in trained.arrays:
        kept = kept_inputs(trained.arrays[first], problem.sources)
        values["columns_used"] = np.packbits(kept.used.cpu().numpy(), axis=1)
        values["inputs_kept"] = kept.columns.cpu().numpy()
        values["network_inputs_kept"] = kept.inputs.cpu().numpy()
    return values
