"""A weight decay in the printed loss only, and what a real one does.

The published network, 784-200-200-10 in NumPy, adds ½λΣW² to the loss and forgets λW in the
gradient, so that λ = 0, 0.001 and 1 train identical weights. The mended one is `shrinkage.scratch`
on 1,000 pictures, a tenth of them with a wrong label: overfitting is visible, and costs something.
"""

from __future__ import annotations

import numpy as np

from common import Outcome, main, mean_and_error
from shrinkage import L2, audit, datasets, reports, scratch

RATE, BATCH, SEED = 0.001, 100, 8  # of the text
STRENGTHS = (0.0, 0.003, 0.01, 0.02, 0.04)


class Published:
    """As published: λW is not in the gradients; `printed` is the last loss that it printed."""

    def __init__(self, inputs: int, decay: float) -> None:
        self.decay, self.random, self.printed = decay, np.random.default_rng(SEED), float("nan")
        self.parameters: dict[str, np.ndarray] = {}
        for number, sizes in enumerate(((inputs, 200), (200, 200), (200, 10)), 1):
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
        error = shares - np.eye(10)[y]
        for number in (3, 2, 1):
            layer, weights = layers[number - 1], w[f"W{number}"].copy()
            w[f"W{number}"] -= RATE * (layer.T @ error)
            w[f"b{number}"] -= RATE * error.sum(0)
            error = error @ weights.T * (layer > 0)


def mended(inputs: int, seed: int) -> scratch.Network:
    """Return the same network in `shrinkage.scratch`, with He's initialisation."""
    layers = [scratch.Affine(inputs, 200), scratch.ReLU(), scratch.Affine(200, 200), scratch.ReLU()]
    return scratch.Network([*layers, scratch.Affine(200, 10)], seed=seed)


def run(*, full: bool = False, data: str | None = None, seeds: int = 5, epochs: int = 0) -> Outcome:
    """Run the experiment with so many seeds and epochs of the mended network."""
    digits = datasets.load_pictures(data, rows=None if full else 10_000)
    steps = 12_000 if full else 300  # as published, or a few of them
    epochs = epochs or (60 if digits.kind == "digits" else 20)
    x, y, x_test, y_test = digits.scaled(np.float64)
    count = min(1_000, len(y) * 2 // 3)  # the next 1,000 are to choose λ on
    outcome = Outcome(
        f"{digits.sentence}; the mended network trains on {count:,}, every tenth with a wrong "
        "label, and its strength is chosen on others that are as wrong"
    )

    # As published, on rows drawn with replacement.
    networks = {decay: Published(x.shape[1], decay) for decay in (0.0, 0.001, 1.0)}
    rows, plain = [], networks[0.0].parameters
    for decay, network in networks.items():
        for batch in network.random.integers(0, len(x), (steps, BATCH)):
            network.step(x[batch], y[batch])
        equal = all(np.array_equal(w, plain[name]) for name, w in network.parameters.items())
        rows.append((f"{decay:g}", network.printed, "yes" if equal else "no"))
    columns = ("λ", "printed loss", "all weights as for λ = 0")
    outcome.table(f"as published, after {steps:,} steps", columns, rows)
    outcome.is_true("λ = 0, 0.001 and 1 train identical weights", all("yes" in row for row in rows))

    # What the audit says of that step, and of one in which the decay arrives.
    def published_step(scale: float) -> tuple[dict, dict]:
        network = Published(x.shape[1], scale * 0.001)
        network.step(x[:BATCH], y[:BATCH])
        return Published(x.shape[1], 0.0).parameters, network.parameters  # before and after

    def mended_step(scale: float) -> tuple[dict, dict]:
        network, terms = mended(x.shape[1], SEED), scale * 0.001 * L2()
        scratch.Trainer(network, scratch.SGD(RATE * BATCH), terms).step(x[:BATCH], y[:BATCH])
        return dict(mended(x.shape[1], SEED).parameters), dict(network.parameters)

    report = audit(published_step, 0.001 * L2(), RATE * BATCH, "gradient")
    passed = audit(mended_step, 0.001 * L2(), RATE * BATCH, update="proximal")
    outcome.text("what the audit says of the published step", report)
    outcome.text("what the audit says of the same network in shrinkage.scratch", passed)
    outcome.is_true("the audit says no-effect", "no-effect" in report.rules)
    outcome.is_true("the audit passes the mended step", passed.ok)

    # Accuracy of each strength and seed: by epoch, and on validation rows at the end.
    generator = np.random.default_rng(1)
    moved = generator.integers(1, 10, len(y)) * (generator.random(len(y)) < 0.1)
    y_wrong, held_out = (y + moved) % 10, slice(count, count + 1_000)
    training, validation, test = np.zeros((3, len(STRENGTHS), seeds, epochs))
    for at, seed in np.ndindex(len(STRENGTHS), seeds):
        network = mended(x.shape[1], seed)
        history = scratch.fit(
            *(network, x[:count], y_wrong[:count]),
            optimizer=scratch.Momentum(0.05),
            terms=STRENGTHS[at] * L2(),
            epochs=epochs,
            seed=seed,
            validation=(x_test[:2_000], y_test[:2_000]),
        )
        training[at, seed], test[at, seed] = history.train_accuracy, history.validation_accuracy
        validation[at, seed, -1] = (network(x[held_out]).argmax(1) == y_wrong[held_out]).mean()
    ends = [accuracy[..., -1].mean(axis=1) for accuracy in (training, validation, test)]
    chosen = 1 + int(ends[1][1:].argmax())
    best, by_strength = STRENGTHS[chosen], zip(STRENGTHS, *ends, strict=True)
    rows = [(f"{s:g}", *end, "chosen" if s == best else "") for s, *end in by_strength]
    columns = ("λ", "training", "validation", "test", "")
    outcome.table("mended: accuracy after the last epoch, mean over the seeds", columns, rows)

    gap = training[..., -1] - test[..., -1]
    closed = mean_and_error(gap[0] - gap[chosen])
    gained = mean_and_error(test[chosen, :, -1] - test[0, :, -1])
    rows = [("gap closed (training − test)", *closed), ("test accuracy gained", *gained)]
    title = f"λ = {best:g}, chosen on validation rows, against λ = 0, paired over {seeds} seeds"
    outcome.table(title, ("difference", "mean", "standard error"), rows)
    outcome.at_least("gap without decay", gap[0].mean(), 0.03)
    outcome.at_least("gap closed, in standard errors", closed[0] / closed[1], 2.0)
    outcome.at_least("test accuracy gained", gained[0], 0.0)
    series, by_epoch = [], np.arange(1, epochs + 1)
    for at, first, second in ((0, "gap", "simple"), (chosen, "layer6", "best")):
        for part, scores, colour in (("training", training, first), ("test", test, second)):
            (mean, error), label = mean_and_error(scores[at]), f"{part} rows, λ = {STRENGTHS[at]:g}"
            series.append(reports.Series(label, by_epoch, mean, colour, error=error))
    low = min(float(line.y[min(1, epochs - 1) :].min()) for line in series) - 0.02
    outcome.figure(
        "numpy-weight-decay-curves",
        "A decay that arrives: training and test accuracy",
        f"Without decay training rows end {gap[0].mean():.1%} above test rows, with λ = "
        f"{best:g} {gap[chosen].mean():.1%}; test rows end at {ends[2][0]:.1%} and "
        f"{ends[2][chosen]:.1%}. The bands are one standard error over the seeds.",
        alt="Four curves of accuracy by epoch.",
        x=reports.Axis("epoch", counts=True),
        y=reports.Axis("accuracy", percent=True, limits=(low, 1.005)),
        series=tuple(series),
        wide=True,
    )
    return outcome


if __name__ == "__main__":
    main(run)
