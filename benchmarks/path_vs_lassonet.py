"""A path of feature selection against LassoNet's path, with the same hidden layer.

Claim: `fit_path("mlp:100", X, y, goal="smallest features")` gives the whole path, how many columns
against the loss on rows left out, at least 30 times as fast as LassoNet's path, and the best model
of it with at most 50 columns is right on no fewer test rows.

    python benchmarks/path_vs_lassonet.py [TABLE …] [--seeds N] [--small]

LassoNet runs as its authors do: `LassoNetClassifier(hidden_dims=(100,), M=10, batch_size=256)`,
its defaults elsewhere, its own tenth of the training rows to stop early with. Ours runs twice: with
a tenth of the training rows for validation, which is the like against the like, and with five
folds; a light weight decay (L2 of 1e-4) beside the goal, everything else by default, also that all
models of the path are trained anew on all training rows. Of each path the model with at most 50
columns and the least loss on the rows left out is taken. All see the same scaled training rows, and
each looks at the test rows once, with that model. Every seed divides the rows anew.

Seconds are those of the processor, one thread each, one program after the other for every seed,
after an untimed small path of each (some modules are loaded then). A path of LassoNet that takes
longer than its limit is stopped there and told as "more than". Without a folder of mice or MNIST
these are left out. `--small` trains little and writes nothing. A run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from recording import Pieces, peer_named, write_result
from sklearn.datasets import load_digits
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

from shrinkage import L2, fit_path
from shrinkage.datasets import load_dataset, shared_folder

HIDDEN, MOST_INPUTS, DECAY = 100, 50, 1e-4
GOAL = 30.0
LIMITS = {"digits": 300.0, "mice": 300.0, "MNIST, 10,000 rows": 400.0}
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


def divided(table: Table, seed: int) -> Rows:
    """Return training and test rows, filled and scaled by the training rows."""
    X, y = table
    parts: Any = train_test_split(X, y, test_size=0.2, stratify=y, random_state=seed)
    train, test, y_train, y_test = parts
    ready = make_pipeline(SimpleImputer(), StandardScaler()).fit(train)
    return ready.transform(train), ready.transform(test), y_train, y_test


def ours(data: Rows, seed: int, one_set: bool, small: bool) -> dict[str, Any]:
    """Return seconds, and the accuracy and inputs of the best model with few inputs."""
    train, test, y_train, y_test = data
    options: dict[str, Any] = {"strengths": 5, "epochs": 5} if small else {}
    if one_set:
        train, held, y_train, y_held = train_test_split(
            train, y_train, test_size=0.1, stratify=y_train, random_state=seed
        )
        options["validation"] = (held, y_held)
    begin = time.process_time()
    result = fit_path(
        f"mlp:{HIDDEN}",
        *(train, y_train),
        goal="smallest features",
        fixed=DECAY * L2(),
        test=(test, y_test),
        seed=seed,
        progress=False,
        **options,
    )
    seconds = time.process_time() - begin
    assert result.goal is not None
    assert result.goal.features is not None
    assert result.log_loss is not None
    loss = result.log_loss.mean(axis=1)
    few = np.array(result.goal.features) <= MOST_INPUTS
    index = int(np.where(few, loss, np.inf).argmin())
    return {
        "seconds": seconds,
        "accuracy": float((result.predict(test, index) == y_test).mean()),
        "inputs": result.goal.features[index],
        "path": dict(zip(result.goal.features, result.score_mean.round(4), strict=True)),
    }


class OutOfTime(Exception):
    """The path took longer than its limit."""


def theirs(lassonet: Any, data: Rows, seed: int, limit: float) -> dict[str, Any]:
    """Return the same of LassoNet, and whether it was stopped at the limit."""
    train, test, y_train, y_test = data
    network = lassonet.LassoNetClassifier(
        hidden_dims=(HIDDEN,),
        M=10,
        batch_size=256,
        verbose=0,
        random_state=seed,
        torch_seed=seed,
    )
    criterion, history, begin = network.criterion, [], time.process_time()

    def timed(*arguments: Any) -> Any:
        if time.process_time() - begin > limit:
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
    seconds = time.process_time() - begin
    few = [item for item in history if int(item.selected.sum()) <= MOST_INPUTS]
    few = [item for item in few if int(item.selected.sum()) > 0]
    found: dict[str, Any] = {"seconds": seconds, "stopped": stopped, "strengths": len(history)}
    if not few:
        return {**found, "accuracy": None, "inputs": None}
    best = min(few, key=lambda item: item.val_loss)
    network.load(best.state_dict)
    accuracy = float((network.predict(test) == y_test).mean())
    return {**found, "accuracy": accuracy, "inputs": int(best.selected.sum())}


METHODS = ("one set", "five folds", "LassoNet")
Runs = dict[str, list[dict[str, Any]]]


def measured(lassonet: Any, name: str, table: Table, seed: int, small: bool) -> dict[str, Any]:
    """Return what the three took and gave with one division of the rows."""
    data, limit = divided(table, seed), SMALL_LIMIT if small else LIMITS[name]
    return {
        "one set": ours(data, seed, True, small),
        "five folds": ours(data, seed, False, small),
        "LassoNet": theirs(lassonet, data, seed, limit),
    }


def compare(name: str, runs: Runs) -> dict[str, Any]:
    """Print and return the means over the seeds."""
    told: dict[str, Any] = {"seeds": len(runs["LassoNet"]), "runs": runs}
    more = "more than " if any(run["stopped"] for run in runs["LassoNet"]) else ""
    for method in METHODS:
        seconds = float(np.mean([run["seconds"] for run in runs[method]]))
        told[method] = {"seconds": round(seconds, 2), **accuracy_of(runs[method])}
        took = f"{more if method == 'LassoNet' else ''}{seconds:.1f} s"
        print(f"{name}, {method}: {took}, {told[method]['said']}")
    theirs = told["LassoNet"]
    ratios = [theirs["seconds"] / told[method]["seconds"] for method in METHODS[:2]]
    known = told["one set"]["accuracy"], theirs["accuracy"]
    met = {
        "times as fast": "met" if ratios[0] >= GOAL else "not shown" if more else "MISSED",
        "accuracy": "not shown" if None in known else "met" if known[0] >= known[1] else "lower",
    }
    print(
        f"{name}: {more}{ratios[0]:.1f} times as fast with one set (goal {GOAL:g}: "
        f"{met['times as fast']}; accuracy: {met['accuracy']}), {more}{ratios[1]:.1f} with five "
        "folds",
        flush=True,
    )
    return {**told, "times_as_fast": [round(own, 1) for own in ratios], "met": met}


def accuracy_of(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mean accuracy and inputs with a text; None where a run gave no model."""
    shares = [run["accuracy"] for run in runs]
    if None in shares:
        return {"accuracy": None, "said": f"no model with at most {MOST_INPUTS} inputs"}
    inputs = float(np.mean([run["inputs"] for run in runs]))
    each = ", ".join(f"{share:.4f}" for share in shares)
    mean = float(np.mean(shares))
    return {"accuracy": mean, "said": f"accuracy {mean:.4f} ({each}) with {inputs:.0f} inputs"}


def main() -> None:
    """Compare on each table, or on those that are named, and write the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tables", nargs="*", default=list(TABLES))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="little training, not written")
    asked = parser.parse_args()
    lassonet = peer_named("lassonet", "lassonet==0.0.21")
    if lassonet is None:
        return
    warnings.filterwarnings("ignore", message="lambda_start")
    torch.set_num_threads(1)
    pieces, cells = Pieces("path_vs_lassonet", keep=not asked.small), {}
    measured(lassonet, "digits", TABLES["digits"](), 0, small=True)
    for name in asked.tables:
        table = TABLES[name]()
        if table is None:
            print(f"{name}: its folder is not here (SHRINKAGE_SHARED_DATA); left out")
            continue
        runs: Runs = {method: [] for method in METHODS}
        for seed in range(1 if asked.small or name.startswith("MNIST") else asked.seeds):
            found = pieces.get(
                f"{name}, {seed}",
                lambda name=name, table=table, seed=seed: measured(
                    lassonet, name, table, seed, asked.small
                ),
            )
            for method in METHODS:
                runs[method].append(found[method])
        cells[name] = compare(name, runs)
    if not asked.small:
        write_result(
            "path_vs_lassonet",
            {
                "goal": GOAL,
                "most_inputs": MOST_INPUTS,
                "seconds": "of the processor",
                "tables": cells,
            },
        )


if __name__ == "__main__":
    main()
