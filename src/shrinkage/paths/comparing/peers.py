"""The models that a network is compared with: what people take first, by scikit-learn.

Who uses this: `compare`. Each is as scikit-learn makes it by default, on inputs that are prepared
as the network's; ridge regression alone chooses its own strength, since that costs it nothing.
Adding one is one entry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV

MOST_ITERATIONS = 1_000
RIDGE_STRENGTHS = np.geomspace(1e-3, 1e4, 15)

Make = Callable[[int, int], Any]
"""Makes an estimator from a seed and a number of threads."""

PEERS: dict[str, dict[str, Make]] = {
    "classification": {
        "logistic regression": lambda _, __: LogisticRegression(max_iter=MOST_ITERATIONS),
        "random forest": lambda seed, threads: RandomForestClassifier(
            n_jobs=threads, random_state=seed
        ),
        "gradient boosting": lambda seed, _: HistGradientBoostingClassifier(random_state=seed),
    },
    "regression": {
        "ridge regression": lambda _, __: RidgeCV(RIDGE_STRENGTHS),
        "random forest": lambda seed, threads: RandomForestRegressor(
            n_jobs=threads, random_state=seed
        ),
        "gradient boosting": lambda seed, _: HistGradientBoostingRegressor(random_state=seed),
    },
}
