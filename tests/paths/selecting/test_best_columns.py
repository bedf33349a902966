"""`best_columns`: which columns stay, that cutting them out changes nothing, and what is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from shrinkage import Cardinality, best_columns
from shrinkage.errors import InputError, RunDirectoryError
from shrinkage.paths.engines.base import template
from shrinkage.paths.engines.lone import InArrays, is_known
from shrinkage.paths.options import PathOptions
from shrinkage.paths.own_sets import dataset_of
from shrinkage.paths.running.plan import Plan, make_plan
from shrinkage.paths.selecting.elimination import Eliminating, Elimination, schedule
from shrinkage.paths.selecting.records import BestColumns
from shrinkage.reports.figures.best_columns import best_columns_figure, sizes_figure
from tests.cli.command_line import refused, shrinkage, write_table

FEW: dict[str, Any] = {"epochs": 40, "networks": 2, "progress": False}


def rows(seed: int, n: int = 80, columns: int = 12, telling: int = 2):
    """Return rows in which the first columns say something, not linearly."""
    X = np.random.default_rng(seed).normal(size=(n, columns))
    return X, np.abs(X[:, :telling]).sum(axis=1)


def planned(model: Any, epochs: int = 5) -> Plan:
    """Return a plan of one network in double precision."""
    X, y = rows(1)
    data, _ = dataset_of(
        X, y, task=None, missing_target="refuse", groups=None, sample_weight=None, columns=None,
        validation=None, test=None,
    )  # fmt: skip
    options = PathOptions(folds=2, test_size=0, epochs=epochs, dtype="float64", batch_size=20)
    return make_plan(model, data, Cardinality(per="input"), options)


def test_the_telling_columns_are_found_and_all_are_ranked() -> None:
    X, y = rows(0)
    ranked = best_columns("mlp:8", X, y, keep=2, **FEW)
    assert set(ranked.selected) == {"x0", "x1"}
    table, sizes = ranked.table(), ranked.sizes()
    assert list(table["column"][:2]) == list(ranked.selected)
    assert len(table) == 12
    assert ranked.get_support().sum() == 2
    assert sizes["columns"].iloc[[0, -1]].tolist() == [12, 2]
    assert (ranked.best.path.sum(axis=1) == ranked.best.sizes).all()  # each network has so many


def test_what_stays_is_the_projection_on_the_cardinality_in_adams_metric() -> None:
    """One cut after some steps, against the penalty's own prox with Adam's step sizes."""
    plan = planned("mlp:6")
    training = Elimination(plan.problem, plan.refit_unit, Eliminating((5,)))
    network = training.network
    for _ in range(3):
        network.steps(torch.arange(80)[None], np.ones(1), 0)
    weight = network.parameter("0.weight").clone()
    assert isinstance(network, InArrays)
    second = network._network.flat.moments("0.weight")[1][0]
    step = 1 / ((second / (1 - 0.999**3)).sqrt() + 1e-8)
    penalty = Cardinality(keep=5, per="input").with_axes(1, 0)
    expected = penalty.prox(weight, step)
    training.shrink_to(5)
    kept = training.columns.state()["0.weight"]
    assert torch.equal(kept, expected)
    assert int((kept != 0).any(dim=0).sum()) == 5


def test_columns_that_are_cut_out_are_those_that_are_held_at_zero() -> None:
    """The same training where the first layer cannot be cut, being inside another module."""

    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x)

    engine = Eliminating((12, 6, 3))
    wrapped = planned(Wrapped())
    plain = planned("mlp:6")
    start = template(plain.problem, plain.refit_unit).state_dict()
    found = []
    for plan, prefix in ((plain, ""), (wrapped, "inner.")):
        training = Elimination(plan.problem, plan.refit_unit, engine)
        for name, own in start.items():
            training.network.parameter(prefix + name).copy_(own)
        found.append([state[f"{prefix}0.weight"] for state in training.states(lambda _: None)])
    for cut, held in zip(*found, strict=True):
        torch.testing.assert_close(cut, held, rtol=1e-9, atol=1e-12)
    assert [int((own != 0).any(dim=0).sum()) for own in found[0]] == [12, 6, 3]


def test_levels_of_a_column_leave_together_and_candidates_alone_stay() -> None:
    plan = planned("mlp:6")
    problem = replace(plan.problem, sources=tuple(place // 3 for place in range(12)))
    candidates = np.array([False, True, True, True])
    engine = Eliminating((2,), candidates)
    (state,) = Elimination(problem, plan.refit_unit, engine).states(lambda _: None)
    used = (state["0.weight"] != 0).any(dim=0).numpy().reshape(4, 3)
    assert (used.all(axis=1) == used.any(axis=1)).all()
    assert used.any(axis=1).sum() == 2
    assert not used[0].any()


def convolution(inputs: int, outputs: int) -> nn.Module:
    """Return a network that reads the columns by no linear layer."""
    return nn.Sequential(
        nn.Unflatten(1, (1, inputs)), nn.Conv1d(1, 2, inputs), nn.Flatten(), nn.Linear(2, outputs)
    )


def test_the_schedule_passes_every_size_and_never_grows() -> None:
    due = schedule(100, (100, 50, 10), 200)
    sizes = [size for step in sorted(due) for size in due[step]]
    assert {100, 50, 10} <= set(sizes)
    assert sizes == sorted(sizes, reverse=True)
    assert all(own <= 40 for own in schedule(40, (60, 20), 200)[max(schedule(40, (60, 20), 200))])


def test_networks_that_draw_from_what_all_share_train_one_after_the_other() -> None:
    """Masks of known layers are drawn from a generator of the network's own."""
    recipe = planned("mlp:6").problem.recipe
    assert is_known(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1)), recipe)
    assert not is_known(nn.Sequential(nn.Linear(2, 2), nn.AlphaDropout(0.1)), recipe)
    assert not is_known(nn.Sequential(nn.Linear(2, 2)), replace(recipe, augment=lambda x: x))


def test_a_stopped_selection_goes_on_and_is_the_same(tmp_path: Path) -> None:
    X, y = rows(0)
    few = {**FEW, "epochs": 5}
    whole = best_columns("mlp:4", X, y, keep=3, store=tmp_path / "a", **few)
    for name in ("columns.csv", "sizes.csv", "figures/selection.png", "figures/sizes.png"):
        assert (tmp_path / "a" / name).exists()
    known = json.loads((tmp_path / "a" / "selection.json").read_text())
    assert known["selected"] == list(whole.selected)
    again = best_columns("mlp:4", X, y, keep=3, store=tmp_path / "a", resume=True, **few)
    assert np.array_equal(again.best.path, whole.best.path)
    assert again.selected == whole.selected
    with pytest.raises(RunDirectoryError):
        best_columns("mlp:4", X, y, keep=4, store=tmp_path / "a", resume=True, **few)


def test_bad_input_is_said_in_one_line() -> None:
    X, y = rows(0)
    with pytest.raises(InputError, match="at most 12 columns"):
        best_columns("mlp:4", X, y, keep=13, **FEW)
    with pytest.raises(InputError, match="no option 'folds'"):
        best_columns("mlp:4", X, y, keep=2, folds=3, **FEW)
    with pytest.raises(InputError, match="first layer reads the columns"):
        best_columns(convolution, X, y, keep=2, **FEW)


def test_the_command_selects_and_refuses_options_of_halves(tmp_path: Path) -> None:
    X, y = rows(0)
    table: dict[str, Any] = {f"c{i}": X[:, i].round(3) for i in range(6)} | {"y": y.round(3)}
    data = write_table(tmp_path / "t.csv", table)
    ask = ("select", data, "--target", "y", "--best", "2")
    refused(tmp_path, (*ask, "--pairs", "5"), "--pairs is about halves")
    refused(tmp_path, (*ask, "--l1-ratio", "0.3"), "either --best or --l1-ratio")
    said = " ".join(shrinkage("select", "-h").out.split())
    assert "not beside --penalty, --with," in said
    refused(tmp_path, ("select", data, "--target", "y", "--networks", "3"), "--best COUNT")
    refused(tmp_path, ("select", data, "--target", "y", "--best", "9"), "at most 6 columns")
    few = ("--epochs", "60", "--networks", "2", "--model", "mlp:8")
    answer = shrinkage(*ask, *few, "--out", tmp_path / "o")
    assert answer.status == 0, answer.err
    assert "The best 2 columns of 6" in answer.out
    assert "c0" in answer.out
    assert "c1" in answer.out


def test_pixels_that_never_vary_are_empty_in_the_map() -> None:
    """A picture with a blank border is still drawn as a picture, each pixel in its place."""
    random = np.random.default_rng(0)
    X = np.zeros((60, 4, 4), dtype=np.uint8)
    X[:, 1:3, 1:3] = random.integers(0, 255, (60, 2, 2))
    y = (X[:, 1, 2] > 127).astype(int)
    ranked = best_columns("mlp:4", X, y, keep=1, **{**FEW, "epochs": 30})
    figure: Any = best_columns_figure(ranked.best, ranked.image_shape)
    kept, selected = (mosaic.images[0] for mosaic in figure.mosaics)
    assert selected[1, 2] == 1
    assert selected.sum() == 1
    assert kept[0].sum() == 0


def test_noise_of_many_levels_is_not_kept_before_numbers_that_tell():
    random = np.random.default_rng(0)
    table = pd.DataFrame({f"number{i}": random.normal(size=1500) for i in range(5)})
    y = (table.sum(axis=1) + random.normal(size=1500) > 0).astype(int)
    for i in range(5):
        table[f"noise{i}"] = random.choice(list("abcdefghijkl"), 1500)
    ranked = best_columns("mlp:64", table, y, keep=5, **{**FEW, "epochs": 10})
    assert set(ranked.selected) == {f"number{i}" for i in range(5)}


def noisy(kind: str, n: int = 400, noise: int = 4):
    """Return rows of which the first four columns tell, and noise that can be learned by heart."""
    random = np.random.default_rng(3)
    X = random.normal(size=(n, 4 + noise))
    sums = X[:, :4] @ [1.5, -1.5, 1.0, 1.0]
    if kind == "classes":
        return X, (sums + random.logistic(size=n) > 0).astype(int)
    if kind == "additive":
        sums = np.sin(2 * X[:, 0]) + np.abs(X[:, 1]) + X[:, 2] ** 2 / 2 + X[:, 3]
    return X, sums + 0.7 * random.normal(size=n)


@pytest.mark.parametrize(
    ("kind", "n", "noise"), [("linear", 400, 4), ("classes", 500, 16), ("additive", 600, 12)]
)
def test_noise_that_was_learned_by_heart_is_not_kept(kind: str, n: int, noise: int) -> None:
    """Weights of networks without loss on their rows are largest where noise had to be fitted."""
    X, y = noisy(kind, n, noise)
    ranked = best_columns("mlp:64,32", X, y, keep=4, progress=False)
    assert set(ranked.selected) == {"x0", "x1", "x2", "x3"}
    assert not ranked.caution


def found(scores: list[list[float]], constant: float = 0.0) -> BestColumns:
    """Return a selection with these scores of networks of 3, 2 and 1 columns."""
    path = np.array([[1.0, 1, 1], [1, 1, 0], [1, 0, 0]])
    return BestColumns(
        ("a", "b", "c"), path[2] > 0, path[2], path, np.array([3, 2, 1]), np.array(scores), None,
        constant,
    )  # fmt: skip


def test_columns_that_predict_clearly_worse_than_more_are_told_with_both_numbers() -> None:
    worse = found([[0.80, 0.84], [0.82, 0.86], [0.30, 0.34]])
    assert "score 0.32 " in worse.caution
    assert "the 0.84 with 2" in worse.caution
    assert "Warning: with 1 column" in sizes_figure(worse, "r2").reading
    assert not found([[0.80, 0.84], [0.82, 0.86], [0.80, 0.87]]).caution
    nothing = found([[0.1, -0.1], [0.0, 0.1], [0.1, -0.1]], constant=-0.01)
    assert "a constant, -0.01" in nothing.caution


def test_a_selected_column_is_among_as_few_as_were_asked_for() -> None:
    """The last network decides: what it has is not said to be gone, whatever the others kept."""
    assert found([[0.8, 0.8]] * 3).smallest_size.tolist() == [1, 2, 3]
    other = replace(found([[0.8, 0.8]] * 3), support=np.array([False, False, True]))
    assert other.smallest_size.tolist() == [1, 2, 1]
    assert other.path[2, 2] == 0


def test_the_command_warns_and_says_what_kept_by_is(tmp_path: Path) -> None:
    X, y = noisy("linear")
    table: dict[str, Any] = {f"c{i}": X[:, i].round(3) for i in range(4)} | {"y": y.round(3)}
    data = write_table(tmp_path / "t.csv", table)
    ask = ("select", data, "--target", "y", "--best", "1", "--model", "mlp:8", "--epochs", "60")
    answer = shrinkage(*ask, "--out", tmp_path / "o")
    assert answer.status == 0, answer.err
    said = " ".join(answer.out.split())
    assert "warning: with 1 column networks score" in said
    assert "not how sure a column is" in said
    assert json.loads((tmp_path / "o" / "selection.json").read_text())["caution"]
