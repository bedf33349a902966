"""A weight decay in the printed loss only, and what a real one does.

The published network, 784-200-200-10 in NumPy, adds ½λΣW² to the loss and forgets λW in the
gradient, so that λ = 0, 0.001 and 1 train identical weights. The mended one is `shrinkage.scratch`
on 1,000 pictures of which every tenth has a wrong label, so that overfitting is visible and costs
something, over several seeds. Test labels are right.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from common import Outcome, main, mean_and_error, pictures
from shrinkage import L2, audit, scratch
from shrinkage.reports import Axis, Series

RATE, BATCH, SEED = 0.001, 100, 8  # of the text
STRENGTHS = (0.003, 0.01, 0.02, 0.04)


class Published:
    """The network as published: λW is not in the gradients, and the error is not divided by rows.

    `printed` is the last loss that it printed.
    """

    def __init__(self, inputs: int, decay: float) -> None:
        self.decay, self.random, self.printed = decay, np.random.default_rng(SEED), float("nan")
        self.parameters: dict[str, np.ndarray] = {}
        for number, sizes in enumerate(itertools.pairwise((inputs, 200, 200, 10)), 1):
            self.parameters[f"W{number}"] = 0.01 * self.random.normal(size=sizes)
            self.parameters[f"b{number}"] = np.zeros(sizes[1])

    def step(self, x: np.ndarray, y: np.ndarray) -> None:
        """Take one step on a batch: forward, the printed loss, backward."""
        w, layers, places = self.parameters, [x], np.arange(len(y))
        for number in (1, 2):
            layers.append(np.maximum(layers[-1] @ w[f"W{number}"] + w[f"b{number}"], 0))
        outputs = layers[-1] @ w["W3"] + w["b3"]
        shares = np.exp(outputs - outputs.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        squares = sum((w[f"W{number}"] ** 2).sum() for number in (1, 2, 3))
        self.printed = float(-np.log(shares[places, y]).mean() + 0.5 * self.decay * squares)
        shares[places, y] -= 1
        error, gradients = shares, {}
        for number in (3, 2, 1):
            gradients[f"W{number}"] = layers[number - 1].T @ error
            gradients[f"b{number}"] = error.sum(0)
            error = error @ w[f"W{number}"].T * (layers[number - 1] > 0)
        for name, gradient in gradients.items():
            w[name] -= RATE * gradient


def mended(inputs: int, seed: int) -> scratch.Network:
    """Return the same network in `shrinkage.scratch`, with He's initialisation."""
    layers = [scratch.Affine(inputs, 200), scratch.ReLU()]
    layers += [scratch.Affine(200, 200), scratch.ReLU(), scratch.Affine(200, 10)]
    return scratch.Network(layers, seed=seed)


def run(
    *,
    full: bool = False,
    data: str | None = None,
    seeds: int = 5,
    epochs: int = 0,
    steps: int = 300,
) -> Outcome:
    """Run the experiment with so many seeds and epochs, and steps of the published network.

    When full, the published network takes the 12,000 steps of its 20 epochs. Digits, which stand
    in for MNIST, are easier and take 60 epochs to be learnt by heart.
    """
    digits, steps = pictures(full=full, data=data), 12_000 if full else steps
    epochs = epochs or (60 if digits.kind == "digits" else 20)
    x, y, x_test, y_test = digits.scaled
    x, x_test = x.astype(np.float64), x_test.astype(np.float64)
    count = min(1_000, len(y) * 2 // 3)  # the next 1,000 are to choose λ on
    outcome = Outcome(
        f"{digits.sentence}; the mended network trains on {count:,}, every tenth with a wrong "
        "label, and its strength is chosen on others that are as wrong"
    )

    # As published, on rows drawn with replacement.
    networks = {decay: Published(x.shape[1], decay) for decay in (0.0, 0.001, 1.0)}
    rows = []
    for decay, network in networks.items():
        for _ in range(steps):
            chosen = network.random.integers(0, len(x), BATCH)
            network.step(x[chosen], y[chosen])
        pairs = zip(network.parameters.values(), networks[0.0].parameters.values(), strict=True)
        equal = all(np.array_equal(w, other) for w, other in pairs)
        rows.append((f"{decay:g}", network.printed, "yes" if equal else "no"))
    columns = ("λ", "printed loss", "all weights as for λ = 0")
    outcome.table(f"as published, after {steps:,} steps", columns, rows)
    same = all(row[2] == "yes" for row in rows)
    outcome.is_true("λ = 0, 0.001 and 1 train identical weights", same)

    # What the audit says of that step, and of one in which the decay arrives.
    def audited(network: Any, step: Callable[..., Any]) -> tuple[dict, dict]:
        before = {name: w.copy() for name, w in network.parameters.items()}
        step(x[:BATCH], y[:BATCH])
        return before, dict(network.parameters)

    def published_step(scale: float) -> tuple[dict, dict]:
        network = Published(x.shape[1], scale * 0.001)
        return audited(network, network.step)

    def mended_step(scale: float) -> tuple[dict, dict]:
        network = mended(x.shape[1], SEED)
        trainer = scratch.Trainer(network, scratch.SGD(RATE * BATCH), scale * 0.001 * L2())
        return audited(network, trainer.step)

    report = audit(published_step, 0.001 * L2(), RATE * BATCH, "gradient")
    passed = audit(mended_step, 0.001 * L2(), RATE * BATCH, update="proximal")
    outcome.text("what the audit says of the published step", report)
    outcome.text("what the audit says of the same network in shrinkage.scratch", passed)
    outcome.is_true("the audit says no-effect", "no-effect" in report.rules)
    outcome.is_true("the audit passes the mended step", passed.ok)

    # Training, validation and test accuracy of each strength: (seeds, epochs), and at the end.
    generator = np.random.default_rng(1)
    moved = generator.integers(1, 10, len(y)) * (generator.random(len(y)) < 0.1)
    y_wrong, held_out = (y + moved) % 10, slice(count, count + 1_000)
    training, validation, test = {}, {}, {}
    for strength in (0.0, *STRENGTHS):
        histories, right = [], []
        for seed in range(seeds):
            network = mended(x.shape[1], seed)
            history = scratch.fit(
                *(network, x[:count], y_wrong[:count]),
                optimizer=scratch.Momentum(0.05),
                terms=strength * L2(),
                epochs=epochs,
                seed=seed,
                validation=(x_test[:2_000], y_test[:2_000]),
            )
            histories.append(history)
            right.append(float((network(x[held_out]).argmax(1) == y_wrong[held_out]).mean()))
        training[strength] = np.array([history.train_accuracy for history in histories])
        test[strength] = np.array([history.validation_accuracy for history in histories])
        validation[strength] = float(np.mean(right))
    best = max(STRENGTHS, key=validation.__getitem__)
    last = {s: (float(training[s][:, -1].mean()), float(test[s][:, -1].mean())) for s in training}
    rows = [
        (f"{s:g}", at_end, validation[s], on_test, "chosen" if s == best else "")
        for s, (at_end, on_test) in last.items()
    ]
    columns = ("λ", "training", "validation", "test", "")
    outcome.table("mended: accuracy after the last epoch, mean over the seeds", columns, rows)

    gap = {s: training[s][:, -1] - test[s][:, -1] for s in (0.0, best)}
    closed, closed_error = mean_and_error(gap[0.0] - gap[best])
    gained, gained_error = mean_and_error(test[best][:, -1] - test[0.0][:, -1])
    rows = [("gap closed (training − test)", closed, closed_error)]
    rows += [("test accuracy gained", gained, gained_error)]
    title = f"λ = {best:g}, chosen on validation rows, against λ = 0, paired over {seeds} seeds"
    outcome.table(title, ("difference", "mean", "standard error"), rows)
    outcome.at_least("gap without decay", gap[0.0].mean(), 0.03)
    outcome.at_least("gap closed, in standard errors", closed / closed_error, 2.0)
    outcome.at_least("test accuracy gained", gained, 0.0)
    series = []
    for strength, colours in ((0.0, ("gap", "simple")), (best, ("layer6", "best"))):
        for words, values in (("training", training[strength]), ("test", test[strength])):
            label, colour = f"{words} rows, λ = {strength:g}", colours[words == "test"]
            error = values.std(axis=0, ddof=1) / np.sqrt(seeds)
            x_axis, mean = np.arange(1, epochs + 1), values.mean(axis=0)
            series.append(Series(label, x_axis, mean, colour, error=error))
    low = min(float(line.y[min(1, epochs - 1) :].min()) for line in series) - 0.02
    outcome.figure(
        "numpy-weight-decay-curves",
        "A decay that arrives: training and test accuracy",
        f"Without decay training rows end {gap[0.0].mean():.1%} above test rows, with λ = "
        f"{best:g} {gap[best].mean():.1%}; test rows end at {last[0.0][1]:.1%} and "
        f"{last[best][1]:.1%}. The bands are one standard error over the seeds.",
        alt="Four curves of accuracy by epoch.",
        x=Axis("epoch", counts=True),
        y=Axis("accuracy", percent=True, limits=(low, 1.005)),
        series=tuple(series),
        wide=True,
    )
    return outcome


if __name__ == "__main__":
    main(run)
