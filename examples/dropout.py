"""Dropout's rate is chosen as a strength is, beside L2 and nothing.

The texts name dropout as the other usual regularizer and leave its rate to the reader. A rate is a
setting like a strength, and is chosen on validation rows; L2 and no regularization stand beside
it, on the same splits, with the same number of fits. The test rows are looked at once a method.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from common import Outcome, main, mean_and_error
from shrinkage import L2, fit_path
from shrinkage.datasets import Dataset, load_dataset, take_rows
from shrinkage.reports import Axis, Mark, Series

ROWS = 300  # few, so that there is something to regularize
STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2)
RATES = (0.1, 0.2, 0.35, 0.5)
# A path has at least two strengths, and trains strength 0 beside them, which is dropout alone. The
# two are as small as can be, and are not looked at.
UNUSED = (1e-12, 1e-11)


def three_parts(table: Dataset, seed: int) -> list[tuple]:
    """Return rows and targets: at most `ROWS` of three fifths to train on, and twice a fifth."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(table.n_samples)
    parts = []
    for part in np.split(order, [round(0.6 * len(order)), round(0.8 * len(order))]):
        rows = generator.permutation(np.sort(part))[: None if parts else ROWS]
        parts.append((take_rows(table.X, rows), table.y[rows]))
    return parts


def run(
    *, full: bool = False, data: str | None = None, splits: int = 4, epochs: int = 40
) -> Outcome:
    """Run the experiment with so many splits (20 when full)."""
    table = load_dataset(data or "digits")
    seeds = range(20 if full else splits)
    chosen: dict[str, list[tuple]] = {"none": [], "L2": [], "dropout": []}
    by_rate = np.zeros((len(seeds), len(RATES)))
    for seed in seeds:
        train, validation, test = three_parts(table, seed)
        path_of = partial(
            fit_path,
            X=train[0],
            y=train[1],
            task=table.task,
            penalty=L2(),
            validation=validation,
            test=test,
            epochs=epochs,
            batch_size=64,
            seed=seed,
            progress=False,
        )
        path = path_of("mlp:32", strengths=STRENGTHS)
        chosen["none"].append((0.0, path.unregularized.test_score))
        chosen["L2"].append((path.best.strength, path.best.test_score))
        paths = [path_of(f"mlp:32;dropout={rate}", strengths=UNUSED) for rate in RATES]
        models = [path.unregularized for path in paths]
        best = max(range(len(RATES)), key=lambda rate: models[rate].cv_score or -np.inf)
        chosen["dropout"].append((RATES[best], models[best].test_score))
        by_rate[seed] = [model.test_score for model in models]

    outcome = Outcome(f"{table.name}, {len(seeds)} splits, {ROWS} training rows")
    settings = {name: np.array(pairs)[:, 0] for name, pairs in chosen.items()}
    scores = {name: np.array(pairs)[:, 1] for name, pairs in chosen.items()}
    outcome.table(
        "chosen on validation rows",
        ("method", "test score", "standard error", "mean setting"),
        [(name, *mean_and_error(scores[name]), float(settings[name].mean())) for name in chosen],
    )
    gain, error = mean_and_error(scores["dropout"] - scores["none"])
    outcome.at_least("test score with dropout", scores["dropout"].mean(), 0.90)
    outcome.at_least("what dropout gains, plus three standard errors", gain + 3 * error, 0.0)

    none, l2 = scores["none"].mean(), scores["L2"].mean()
    marks = Mark(none, "no regularization", "unregularized"), Mark(l2, "L2, chosen", "simple")
    if abs(none - l2) < 5e-5:  # they would lie on each other
        marks = (Mark(none, "no regularization; L2, chosen: the same", "unregularized"),)
    means, errors = mean_and_error(by_rate)
    label = "dropout, mean over the splits"
    curve = Series(label, np.array(RATES), means, "gap", error=errors)
    outcome.figure(
        "dropout-rates",
        "Test score by dropout's rate",
        f"Without dropout the score is {none:.3f}, with L2 {l2:.3f}; the best rate has "
        f"{max(means):.3f}.",
        alt="A curve over four rates and two lines.",
        x=Axis("rate of dropout"),
        y=Axis("test score", percent=True),
        series=(curve,),
        horizontals=marks,
    )
    return outcome


if __name__ == "__main__":
    main(run)
