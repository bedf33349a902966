"""Where no gradient has come, a proximal step takes no more than twice what the optimizer moves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np

from shrinkage import L1, L2, ElasticNet, GroupLasso, Term
from shrinkage.keras import METRICS, regularize
from shrinkage.keras.metrics import ADAPTIVE, sgd
from tests.keras.checks.networks import hidden, regression

RATE = 1e-3
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "Adam": lambda: keras.optimizers.Adam(RATE),
    "amsgrad": lambda: keras.optimizers.Adam(RATE, amsgrad=True),
    "AdamW": lambda: keras.optimizers.AdamW(RATE, weight_decay=0.0),
    "Nadam": lambda: keras.optimizers.Nadam(RATE),
    "Adamax": lambda: keras.optimizers.Adamax(RATE),
    "RMSprop": lambda: keras.optimizers.RMSprop(RATE),
    "centered": lambda: keras.optimizers.RMSprop(RATE, centered=True),
    "momentum": lambda: keras.optimizers.RMSprop(RATE, momentum=0.9),
    "Adagrad": lambda: keras.optimizers.Adagrad(RATE, initial_accumulator_value=0.0),
}
TERMS: dict[str, Term] = {
    "L1": 1e-2 * L1(),
    "L2": 1e-2 * L2(),
    "elastic net": 1e-2 * ElasticNet(0.5),
    "group lasso": 1e-2 * GroupLasso(per="input"),
}


def _zero_head(optimizer: Callable[[], Any], term: Term) -> None:
    model = hidden(optimizer())
    body, head = (model.get_layer(name) for name in ("first", "out"))
    before = np.asarray(body.kernel)
    before = np.sign(before) * np.maximum(np.abs(before), 0.05)
    body.kernel.assign(before)
    head.kernel.assign(np.zeros_like(np.asarray(head.kernel)))
    regularize(model, term.on("first.*"))
    for count in (1, 2):
        model.train_on_batch(*regression())
        after = np.asarray(body.kernel)
        assert after.all()
        change = np.linalg.norm(after - before) / np.linalg.norm(before)
        assert 0 < change <= 0.05 * count, change


def check_every_metric_is_bounded_or_in_proportion() -> None:
    assert set(METRICS.values()) - ADAPTIVE == {sgd}


CHECKS = {
    f"a head that starts at zero leaves the body under {name} with {kind}": partial(
        _zero_head, optimizer, term
    )
    for name, optimizer in OPTIMIZERS.items()
    for kind, term in TERMS.items()
    if name == "Adam" or kind == "L2"
}
