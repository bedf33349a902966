"""A weight decay that is only in the printed loss, and what one that arrives does.

The published network, 784-200-200-10 in NumPy, adds ½λΣW² to the loss and forgets λW in the
gradient, so that λ = 0, 0.001 and 1 train identical weights. The mended one is `shrinkage.scratch`
on 1,000 pictures of which every tenth has a wrong label, so that overfitting is visible and costs
something, over several seeds. Test labels are right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shrinkage import scratch
from shrinkage.audits import audit
from shrinkage.drawing.figures import Axis, Band, LineFigure, Series
from shrinkage.examples.outcome import Outcome, Table, Text, at_least, is_true
from shrinkage.examples.pictures import Pictures, pictures
from shrinkage.examples.published_numpy import BATCH, DECAYS, RATE, Published, scratch_step
from shrinkage.examples.spread import mean_and_error, standard_error
from shrinkage.penalties import L2

TRAIN, VALIDATION, TEST, SEEDS = 1_000, 1_000, 2_000, 5
EPOCHS, ON_DIGITS = 20, 60
WRONG = 0.1
STRENGTHS = (0.003, 0.01, 0.02, 0.04)
HIDDEN = 200


@dataclass(frozen=True, eq=False)
class Curves:
    """Accuracies by epoch, (seeds, epochs), of training, validation and test rows."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @property
    def gap(self) -> np.ndarray:
        """Training minus test accuracy after the last epoch, one a seed."""
        return self.train[:, -1] - self.test[:, -1]


def parts(rows: int) -> tuple[slice, slice]:
    """Return the training and the validation rows; small data are shared out, two to one.

    >>> parts(1_200)
    (slice(0, 800, None), slice(800, 1200, None))
    """
    train = min(TRAIN, rows * 2 // 3)
    return slice(0, train), slice(train, min(rows, train + VALIDATION))


def with_wrong_labels(labels: np.ndarray) -> np.ndarray:
    """Return labels of which a tenth, drawn at random, is another class."""
    generator = np.random.default_rng(1)
    moved = generator.integers(1, 10, len(labels)) * (generator.random(len(labels)) < WRONG)
    return (labels + moved) % 10


def published_runs(found: Pictures, steps: int) -> Mapping[float, Published]:
    """Return the published network after training, for each published strength."""
    x, _ = found.scaled
    networks = {decay: Published(x.shape[1], decay) for decay in DECAYS}
    for one in networks.values():
        one.train(x.astype(np.float64), found.y, steps)
    return networks


def curves(found: Pictures, strength: float, seeds: int, epochs: int) -> Curves:
    """Return the curves of the mended network at a strength."""
    x, x_test = (rows.astype(np.float64) for rows in found.scaled)
    train, held_out = parts(len(x))
    y, test = with_wrong_labels(found.y), (x_test[:TEST], found.y_test[:TEST])
    terms = strength * L2() if strength else ()
    columns: list[list[Sequence[float]]] = [[], [], []]
    for seed in range(seeds):
        network = scratch.Network(
            [
                *(scratch.Affine(x.shape[1], HIDDEN), scratch.ReLU()),
                *(scratch.Affine(HIDDEN, HIDDEN), scratch.ReLU(), scratch.Affine(HIDDEN, 10)),
            ],
            seed=seed,
        )
        seen = _fitted(network, (x[train], y[train]), test, terms, seed, epochs)
        columns[0].append(seen.train_accuracy)
        columns[2].append(seen.validation_accuracy)
        right = network(x[held_out]).argmax(1) == y[held_out]
        columns[1].append([float(right.mean())])
    return Curves(*(np.array(column) for column in columns))


def _fitted(
    network: scratch.Network, rows: tuple, watched: tuple, terms: object, seed: int, epochs: int
) -> scratch.History:
    return scratch.fit(
        network,
        *rows,
        optimizer=scratch.Momentum(0.05),
        terms=terms,  # type: ignore[arg-type]
        epochs=epochs,
        seed=seed,
        validation=watched,
    )


def run(
    *,
    full: bool = False,
    data: str | None = None,
    seeds: int = SEEDS,
    epochs: int | None = None,
    steps: int = 300,
) -> Outcome:
    """Run the experiment with so many seeds and epochs, and steps of the published network.

    When full, the published network takes the 12,000 steps of its 20 epochs. Digits, which stand
    in for MNIST, are easier and take 60 epochs to be learnt by heart.
    """
    found = pictures(full=full, data=data)
    if epochs is None:
        epochs = ON_DIGITS if found.kind == "digits" else EPOCHS
    networks = published_runs(found, 12_000 if full else steps)
    same = all(one.weights_equal(networks[0.0]) for one in networks.values())
    report = audit(_published_step(found), 0.001 * L2(), RATE * BATCH, "gradient")
    mended = audit(scratch_step(*_some(found), 0.001 * L2()), 0.001 * L2(), 0.1, update="proximal")
    by_strength = {s: curves(found, s, seeds, epochs) for s in (0.0, *STRENGTHS)}
    best = max(STRENGTHS, key=lambda s: by_strength[s].validation.mean())
    plain, decayed = by_strength[0.0], by_strength[best]
    closed, closed_error = mean_and_error(plain.gap - decayed.gap)
    gained, gained_error = mean_and_error(decayed.test[:, -1] - plain.test[:, -1])
    return Outcome(
        "numpy-weight-decay",
        f"{found.sentence}; the mended network trains on {parts(len(found.y))[0].stop:,}, every "
        f"tenth with a wrong label, and its strength is chosen on others that are as wrong",
        (
            _published_table(networks),
            Text("what the audit says of the published step", str(report)),
            Text("what the audit says of the same network in shrinkage.scratch", str(mended)),
            _strengths_table(by_strength, best),
            Table(
                f"λ = {best:g} against λ = 0, paired over {seeds} seeds",
                ("difference", "mean", "standard error"),
                (
                    ("gap closed (training − test)", closed, closed_error),
                    ("test accuracy gained", gained, gained_error),
                ),
            ),
        ),
        (
            is_true("λ = 0, 0.001 and 1 train identical weights", same),
            is_true("the audit says no-effect", "no-effect" in report.rules),
            is_true("the audit passes the mended step", mended.ok),
            at_least("gap without decay", float(plain.gap.mean()), 0.03),
            at_least("gap closed, in standard errors", closed / closed_error, 2.0),
            at_least("test accuracy gained", gained, 0.0),
        ),
        (_figure(plain, decayed, best),),
    )


def _some(found: Pictures) -> tuple[np.ndarray, np.ndarray]:
    return found.scaled[0][:BATCH].astype(np.float64), found.y[:BATCH]


def _published_step(found: Pictures) -> Callable[[float], tuple]:
    x, y = _some(found)

    def step(scale: float) -> tuple:
        one = Published(x.shape[1], scale * 0.001)
        before = {name: w.copy() for name, w in one.parameters.items()}
        one.step(x, y)
        return before, one.parameters

    return step


def _published_table(networks: Mapping[float, Published]) -> Table:
    rows = tuple(
        (f"{decay:g}", one.printed, "yes" if one.weights_equal(networks[0.0]) else "no")
        for decay, one in networks.items()
    )
    title = f"as published, after {networks[0.0].steps:,} steps"
    return Table(title, ("λ", "printed loss", "all weights as for λ = 0"), rows)


def _strengths_table(by_strength: Mapping[float, Curves], best: float) -> Table:
    rows = tuple(
        (
            f"{strength:g}",
            *(float(part[:, -1].mean()) for part in (one.train, one.validation, one.test)),
            "chosen" if strength == best else "",
        )
        for strength, one in by_strength.items()
    )
    names = ("λ", "training", "validation", "test", "")
    return Table("mended: accuracy after the last epoch, mean over the seeds", names, rows)


def _figure(plain: Curves, decayed: Curves, best: float) -> LineFigure:
    runs = (("λ = 0", plain, "simple", "gap"), (f"λ = {best:g}", decayed, "best", "layer6"))
    series, bands = [], []
    for label, one, test_colour, train_colour in runs:
        for words, values, colour in (
            ("training rows", one.train, train_colour),
            ("test rows", one.test, test_colour),
        ):
            x, mean = np.arange(1, values.shape[1] + 1), values.mean(axis=0)
            error = standard_error(values)
            series.append(Series(f"{words}, {label}", x, mean, colour))
            bands.append(Band("", x, mean - error, mean + error, colour))
    low = min(float(s.y[1:].min()) for s in series) - 0.02 if series[0].y.size > 1 else 0.0
    reading = (
        f"Without decay training rows end {plain.gap.mean():.1%} above test rows, with λ = "
        f"{best:g} {decayed.gap.mean():.1%}; test rows end at {plain.test[:, -1].mean():.1%} and "
        f"{decayed.test[:, -1].mean():.1%}. The bands are one standard error over the seeds."
    )
    return LineFigure(
        key="numpy-weight-decay-curves",
        title="A decay that arrives: training and test accuracy",
        reading=reading,
        alt=f"Four curves of accuracy by epoch. {reading}",
        x=Axis("epoch"),
        y=Axis("accuracy", percent=True, limits=(low, 1.005)),
        series=tuple(series),
        bands=tuple(bands),
        wide=True,
    )
