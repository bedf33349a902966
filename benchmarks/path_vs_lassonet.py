"""Feature selection along a path of strengths against LassoNet's path, with the same hidden layer.

LassoNet runs as its authors do: `LassoNetClassifier(hidden_dims=(100,), M=10, batch_size=256)`,
its defaults elsewhere, its own tenth of the rows to stop early with; of its path the model with
at most 50 inputs and the least loss on those rows is taken. Ours is a path of an MLP with that
hidden layer and a group lasso per input, everything else by default, all 20 strengths refitted;
of those with at most 50 inputs the one with the best score over the folds is taken. Ours runs
twice: with five folds, and with one set of validation rows of the size of LassoNet's, which is
the like against the like. Both see the same scaled training rows, and each looks at the test rows
once.

A path of LassoNet that takes longer than its limit is stopped there and told as "more than".
Without a folder of mice or MNIST these are left out. `--small` trains little and writes nothing.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from recording import peer_named, write_result
from sklearn.datasets import load_digits
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

from shrinkage import GroupLasso, fit_path
from shrinkage.datasets import load_dataset, shared_folder

HIDDEN, MOST_INPUTS, SEED = 100, 50, 0
GOAL = 30.0
LIMITS = {"digits": 120.0, "mice": 120.0, "MNIST, 10,000 rows": 150.0}
SMALL_LIMIT = 10.0
Table = Any
Rows = tuple[Any, Any, Any, Any]


def mice() -> Table | None:
    """Return 77 proteins of mice and their eight classes, or None."""
    folder = shared_folder("mice")
    if folder is None:
        return None
    table = pd.read_csv(folder / "Data_Cortex_Nuclear.csv")
    proteins = table.columns[1:78]
    return table[proteins].to_numpy(), LabelEncoder().fit_transform(table["class"])


def mnist() -> Table | None:
    """Return the first 10,000 training images of MNIST in [0, 1], or None."""
    folder = shared_folder("mnist")
    if folder is None:
        return None
    data = load_dataset(str(folder))
    return np.asarray(data.X)[:10_000].reshape(10_000, -1) / 255, np.asarray(data.y)[:10_000]


TABLES: dict[str, Callable[[], Table | None]] = {
    "digits": lambda: load_digits(return_X_y=True),
    "mice": mice,
    "MNIST, 10,000 rows": mnist,
}


def divided(table: Table) -> Rows:
    """Return training and test rows, filled and scaled by the training rows."""
    X, y = table
    parts: Any = train_test_split(X, y, test_size=0.2, stratify=y, random_state=SEED)
    train, test, y_train, y_test = parts
    ready = make_pipeline(SimpleImputer(), StandardScaler()).fit(train)
    return ready.transform(train), ready.transform(test), y_train, y_test


def ours(data: Rows, one_set: bool, small: bool) -> dict[str, Any]:
    """Return seconds, and the accuracy and inputs of the best model with few inputs."""
    train, test, y_train, y_test = data
    options: dict[str, Any] = {"strengths": 5, "epochs": 5} if small else {}
    if one_set:
        train, held, y_train, y_held = train_test_split(
            train, y_train, test_size=0.1, stratify=y_train, random_state=SEED
        )
        options["validation"] = (held, y_held)
    begin = time.perf_counter()
    result = fit_path(
        f"mlp:{HIDDEN}",
        *(train, y_train),
        penalty=GroupLasso(per="input"),
        refit="all",
        test=(test, y_test),
        seed=SEED,
        progress=False,
        **options,
    )
    seconds = time.perf_counter() - begin
    scores = np.nan_to_num(result.score_mean, nan=-np.inf)
    models = []
    for index in range(len(result.strengths)):
        first = result.weights[f"strength_{index}"]["0.weight"]
        models.append((scores[index], int((first != 0).any(axis=0).sum()), index))
    few = [model for model in models if model[1] <= MOST_INPUTS]
    if not few:
        return {"seconds": seconds, "accuracy": None, "inputs": None}
    _, inputs, index = max(few)
    accuracy = float((result.predict(test, index) == y_test).mean())
    return {"seconds": seconds, "accuracy": accuracy, "inputs": inputs}


class OutOfTime(Exception):
    """The path took longer than its limit."""


def theirs(lassonet: Any, data: Rows, limit: float) -> dict[str, Any]:
    """Return the same of LassoNet, and whether it was stopped at the limit."""
    train, test, y_train, y_test = data
    network = lassonet.LassoNetClassifier(
        hidden_dims=(HIDDEN,),
        M=10,
        batch_size=256,
        verbose=0,
        random_state=SEED,
        torch_seed=SEED,
    )
    criterion, history, begin = network.criterion, [], time.perf_counter()

    def timed(*arguments: Any) -> Any:
        if time.perf_counter() - begin > limit:
            raise OutOfTime
        return criterion(*arguments)

    network.criterion, stopped = timed, False
    try:
        network.path(
            *(train, y_train),
            return_state_dicts=True,
            callback=lambda _, items: history.__setitem__(slice(None), items),
        )
    except OutOfTime:
        stopped = True
    seconds = time.perf_counter() - begin
    few = [item for item in history if int(item.selected.sum()) <= MOST_INPUTS]
    few = [item for item in few if int(item.selected.sum()) > 0]
    found: dict[str, Any] = {"seconds": seconds, "stopped": stopped, "strengths": len(history)}
    if not few:
        return {**found, "accuracy": None, "inputs": None}
    best = min(few, key=lambda item: item.val_loss)
    network.load(best.state_dict)
    accuracy = float((network.predict(test) == y_test).mean())
    return {**found, "accuracy": accuracy, "inputs": int(best.selected.sum())}


def compare(lassonet: Any, name: str, table: Table, small: bool) -> dict[str, Any]:
    """Run the three on one table and print what they took and gave."""
    data = divided(table)
    folds, like = ours(data, False, small), ours(data, True, small)
    peer = theirs(lassonet, data, SMALL_LIMIT if small else LIMITS[name])
    more = "more than " if peer["stopped"] else ""
    print(f"{name}: {len(data[0])} rows, {data[0].shape[1]} inputs")
    for words, one in (("five folds", folds), ("one set", like), ("LassoNet", peer)):
        took = f"{more if one is peer else ''}{one['seconds']:.1f} s"
        print(f"  {words}: {took}, {said(one, len(data[3]))}")
    ratios = {
        key: peer["seconds"] / one["seconds"] for key, one in (("folds", folds), ("set", like))
    }
    met = "met" if ratios["set"] >= GOAL else "not shown" if peer["stopped"] else "MISSED"
    print(
        f"  {more}{ratios['set']:.1f} times as fast with one set (goal {GOAL:g}: {met}), ", end=""
    )
    print(f"{more}{ratios['folds']:.1f} with five folds", flush=True)
    return {
        "five_folds": folds,
        "one_set": like,
        "lassonet": peer,
        "times_as_fast": {key: round(value, 1) for key, value in ratios.items()},
        "test_rows": len(data[3]),
    }


def said(one: dict[str, Any], rows: int) -> str:
    """Return the accuracy with its standard error as text."""
    share = one["accuracy"]
    if share is None:
        return f"no model with at most {MOST_INPUTS} inputs"
    error = (share * (1 - share) / rows) ** 0.5
    return f"accuracy {share:.4f} ± {error:.4f} with {one['inputs']} inputs"


def main(arguments: list[str]) -> None:
    """Compare on each table, or on those that are named, and write the figures."""
    lassonet = peer_named("lassonet", "lassonet==0.0.21")
    if lassonet is None:
        return
    warnings.filterwarnings("ignore", message="lambda_start")
    small, cells = "--small" in arguments, {}
    for name in [word for word in arguments if word != "--small"] or TABLES:
        table = TABLES[name]()
        if table is None:
            print(f"{name}: its folder is not here (SHRINKAGE_SHARED_DATA); left out")
            continue
        cells[name] = compare(lassonet, name, table, small)
    if not small:
        write_result(
            "path_vs_lassonet", {"goal": GOAL, "most_inputs": MOST_INPUTS, "tables": cells}
        )


if __name__ == "__main__":
    main(sys.argv[1:])
