"""A path of 20 strengths × 5 folds against pytabkit's RealMLP, five folds of one strength at once.

RealMLP trains its folds in one vectorised model (`n_cv=5`), the closest relative of a stack. It
is given our width, rows, batch and epochs, and is run as published (`RealMLP_TD_Classifier`:
embeddings of numbers, learned activations, dropout) and in its simple form
(`RealMLP_TD_S_Classifier`), which trains a plain MLP and is the harder peer. Ours is the whole
path: top of the grid, 20 strengths and none over 5 folds, three refits. A first short call of
each is not counted. `--small` trains little and writes nothing.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from recording import peer_named, write_result
from sklearn.datasets import load_digits, make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from shrinkage import L2, fit_path

STRENGTHS, FOLDS, WIDTHS, BATCH, SEED = 20, 5, (64, 32), 128, 0
GOAL = 1.0
PEERS = {"published": "RealMLP_TD_Classifier", "simple": "RealMLP_TD_S_Classifier"}
Rows = tuple[Any, Any, Any, Any]


def made() -> Any:
    """Return a table of 10,000 rows and 20 columns with four classes."""
    return make_classification(10_000, 20, n_informative=10, n_classes=4, random_state=SEED)


TABLES: dict[str, tuple[Callable[[], Any], int]] = {
    "digits": (lambda: load_digits(return_X_y=True), 100),
    "10,000 × 20": (made, 20),
}
"""Each table with the epochs of both."""


def divided(table: Any) -> Rows:
    """Return training and test rows in float32, scaled by the training rows."""
    parts: Any = train_test_split(*table, test_size=0.2, stratify=table[1], random_state=SEED)
    train, test, y_train, y_test = parts
    scaler = StandardScaler().fit(train)
    train, test = (np.float32(scaler.transform(rows)) for rows in (train, test))
    return train, test, y_train, y_test


def ours(data: Rows, epochs: int, strengths: int) -> dict[str, float]:
    """Return seconds, computed seconds and test accuracy of a whole path."""
    train, test, y_train, y_test = data
    begin, computed = time.perf_counter(), time.process_time()
    result = fit_path(
        f"mlp:{','.join(map(str, WIDTHS))}",
        *(train, y_train),
        penalty=L2(),
        strengths=strengths,
        folds=FOLDS,
        epochs=epochs,
        batch_size=BATCH,
        seed=SEED,
        test=(test, y_test),
        progress=False,
    )
    took = time.perf_counter() - begin, time.process_time() - computed
    score = result.best.test_score
    return {
        "seconds": took[0],
        "computed": took[1],
        "test": float("nan" if score is None else score),
    }


def theirs(peer: Any, data: Rows, epochs: int) -> dict[str, float]:
    """Return the same of five folds of RealMLP at its own settings."""
    train, test, y_train, y_test = data
    network = peer(
        device="cpu",
        random_state=SEED,
        n_cv=FOLDS,
        n_refit=0,
        hidden_sizes=list(WIDTHS),
        n_epochs=epochs,
        batch_size=BATCH,
        n_threads=torch.get_num_threads(),
    )
    begin, computed = time.perf_counter(), time.process_time()
    network.fit(train, y_train)
    took = time.perf_counter() - begin, time.process_time() - computed
    return {
        "seconds": took[0],
        "computed": took[1],
        "test": float((network.predict(test) == y_test).mean()),
    }


def compare(pytabkit: Any, name: str, small: bool) -> dict[str, Any]:
    """Run ours and both forms of the peer on one table, and print their figures."""
    load, epochs = TABLES[name]
    epochs, strengths = (2, 4) if small else (epochs, STRENGTHS)
    data = divided(load())
    peers = {words: getattr(pytabkit, peer) for words, peer in PEERS.items()}
    ours(data, 1, 2)
    mine = ours(data, epochs, strengths)
    cells: dict[str, Any] = {"epochs": epochs, "ours": mine}
    print(f"{name}, {epochs} epochs: ours {mine['seconds']:.1f} s, accuracy {mine['test']:.4f}")
    for words, peer in peers.items():
        theirs(peer, data, 1)
        cells[words] = one = theirs(peer, data, epochs)
        ratio = mine["seconds"] / one["seconds"]
        cells[words]["ours_over_theirs"] = round(ratio, 3)
        print(f"  RealMLP, {words}: {one['seconds']:.1f} s, accuracy {one['test']:.4f}; ", end="")
        print(f"ours / theirs {ratio:.2f} (goal {GOAL:g}: {'met' if ratio <= GOAL else 'MISSED'})")
    return cells


def main(arguments: list[str]) -> None:
    """Compare on both tables, or on those that are named, and write the figures."""
    pytabkit = peer_named("pytabkit", "pytabkit==1.8.0")
    if pytabkit is None:
        return
    warnings.simplefilter("ignore")  # Lightning's of few workers and of hardware
    small = "--small" in arguments
    names = [word for word in arguments if word != "--small"] or list(TABLES)
    cells = {name: compare(pytabkit, name, small) for name in names}
    if not small:
        settings = {"goal": GOAL, "strengths": STRENGTHS, "folds": FOLDS, "widths": list(WIDTHS)}
        write_result("path_vs_realmlp", {**settings, "tables": cells})


if __name__ == "__main__":
    main(sys.argv[1:])
