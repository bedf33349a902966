"""Source columns as groups, groups of one's own, free columns: from `fit_path` to the figures."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from shrinkage import L1, L2, ElasticNet, GroupLasso, fit_path
from shrinkage.datasets import Preprocessing
from shrinkage.errors import InputError
from shrinkage.parameters import InputGroups
from shrinkage.paths.engines.input_layer import grouped
from shrinkage.paths.engines.linear import LinearEngine
from shrinkage.paths.engines.sequential import SequentialEngine
from shrinkage.paths.engines.stacked import StackedEngine
from shrinkage.paths.groups_file import read_groups
from shrinkage.paths.results.directory import read_run, write_run, write_summary
from shrinkage.paths.running.input_groups import checked_groups, input_groups
from shrinkage.reports.figures import columns_figure, inputs_kept_figure
from shrinkage.terms import assign

SMALL = {"epochs": 20, "strengths": (0.02, 2.0), "rows": 80, "learning_rate": 0.05}
GROUPS = InputGroups(("x", "city", "city", "y", "city", "z"), free=(3,))


def nothing(_: int) -> None:
    """Take no notice of progress."""


def table(rows: int = 90) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(0)
    X = pd.DataFrame({"age": random.normal(40, 9, rows), "x": random.normal(size=rows)})
    X["city"] = random.choice(["Bern", "Basel", "Chur", "Genf"], rows)
    X["sex"] = random.choice(["f", "m"], rows)
    y = 0.1 * X.age + (X.city == "Bern") - 0.6 * (X.city == "Chur") + random.normal(size=rows) / 3
    return X, y.to_numpy()


def minimizer(x, y, strength, labels, free, rounds=20_000):
    """Plain proximal gradient on half mean squares + strength · Σ √|g| ‖w_g‖."""
    x, y = x - x.mean(0), y - y.mean()
    w, step = np.zeros(x.shape[1]), len(y) / np.linalg.eigvalsh(x.T @ x)[-1]
    for _ in range(rounds):
        before = w
        w = w - step * x.T @ (x @ w - y) / len(y)
        for label in set(labels):
            own = [i for i, name in enumerate(labels) if name == label and i not in free]
            size = np.linalg.norm(w[own])
            cut = step * strength * np.sqrt(len(own))
            w[own] *= 0 if size <= cut else 1 - cut / size
        if np.abs(w - before).max() < 1e-13:
            break
    return w


@pytest.mark.parametrize(
    ("options", "labels", "free"),
    [
        ({}, "axccccss", ()),
        ({"groups_of_inputs": {"who": ["age", "sex"]}}, "wxccccww", ()),
        ({"groups_of_inputs": ["p", "p", "q", "r"], "free": ("age",)}, "ppqqqqrr", (0,)),
    ],
    ids=["source columns", "named", "labels and free"],
)
def test_a_linear_path_is_the_minimizer_over_groups(options, labels, free):
    X, y = table()
    result = fit_path(
        "linear", X, y, penalty=GroupLasso("input"), strengths=(0.02, 0.1), folds=2, refit="all",
        test=(X[:9], y[:9]), progress=False, **options,
    )  # fmt: skip
    x = Preprocessing.fit(X).transform(X, np.float64)
    for position, strength in enumerate(result.strengths):
        weight = result.model(position)[0].weight.detach().numpy()[0]
        expected = minimizer(x, y, strength, labels, free)
        np.testing.assert_allclose(weight, expected, atol=1e-7)
        assert ((weight == 0) == (expected == 0)).all()


def test_a_category_is_kept_or_dropped_as_a_whole_and_columns_are_counted(tmp_path):
    X, y = table()
    result = fit_path(
        "linear", X, y, penalty=GroupLasso("input"), strengths=(0.08, 0.12, 0.2), folds=2,
        progress=False,
    )  # fmt: skip
    write_run(result, tmp_path)
    write_summary(result, tmp_path)
    weight = result.weights["best"]["0.weight"][0]
    assert result.input_columns == ("age", "x", *["city"] * 4, *["sex"] * 2)
    assert (weight[2:6] != 0).all()
    assert not weight[[1, 6, 7]].any()
    assert result.inputs_kept.max() <= 4
    assert (result.network_inputs_kept >= result.inputs_kept).all()
    again = read_run(tmp_path)
    np.testing.assert_array_equal(again.network_inputs_kept, result.network_inputs_kept)
    assert again.input_columns == result.input_columns
    figure = inputs_kept_figure(result)
    assert figure is not None
    assert figure.y.limits == (-0.12, 4.16)
    ranking = columns_figure(result)
    assert ranking is not None
    assert len(ranking.names) == 8  # coefficients are of inputs
    assert again.summary["network_inputs"] == 8
    assert again.summary["inputs_kept"] == result.inputs_kept.mean(axis=1).tolist()


@pytest.mark.parametrize("penalty", [L1(), L2(), ElasticNet(0.4), GroupLasso("input")], ids=repr)
@pytest.mark.parametrize("update", ["proximal", "decoupled", "gradient", "loss"])
def test_stacked_and_sequential_agree_and_leave_free_inputs_alone(make, penalty, update):
    trained = {}
    for engine in (StackedEngine(), SequentialEngine()):
        problem, unit = make("mlp:4", penalty, update=update, **SMALL)
        infos = grouped(problem.assignment.infos, "0.weight", GROUPS)
        assignment = assign(infos, problem.terms.terms, update)
        problem = replace(problem, assignment=assignment)
        trained[engine.name] = engine.train(problem, unit, nothing).arrays["0.weight"]
    torch.testing.assert_close(trained["stacked"], trained["sequential"], rtol=0, atol=1e-10)
    norms = trained["stacked"].norm(dim=1)  # (models, inputs)
    assert (norms[:, 3] != 0).all()
    if penalty == GroupLasso("input") and update in ("proximal", "decoupled"):
        assert (norms[1, [0, 1, 2, 4, 5]] == 0).all()


def test_critical_strength_with_groups_and_free_inputs_from_both_sides(make):
    for task, classes in (("regression", 3), ("classification", 3), ("classification", 2)):
        problem, unit = make("linear", GroupLasso("input"), task=task, classes=classes)
        infos = grouped(problem.assignment.infos, "0.weight", GROUPS)
        assignment = assign(infos, problem.terms.terms, "proximal")
        problem = replace(problem, assignment=assignment)
        top = LinearEngine().critical_strength(problem, unit)
        settings = problem.terms.settings([(0.999 * top,), (1.001 * top,)])
        unit = replace(unit, settings=settings)
        weights = LinearEngine().train(problem, unit, nothing).arrays["0.weight"]
        penalised = weights[:, :, list(GROUPS.penalised)]
        assert bool(penalised[0].any())
        assert not bool(penalised[1].any())
        assert bool(weights[1, :, 3].all())


def test_the_code_of_the_report_has_the_groups():
    X, y = table(40)
    result = fit_path(
        "mlp:3", X, y, penalty=GroupLasso("input"), strengths=(0.01, 0.1), folds=2, epochs=1,
        free="age", progress=False,
    )  # fmt: skip
    x = torch.from_numpy(Preprocessing.fit(X).transform(X))
    names: dict = {"x": x, "y": torch.tensor(y, dtype=torch.float32)}
    exec(compile(result.code, "report", "exec"), names)
    (part,) = names["attachment"].assignment.parts["0.weight"]
    units, penalty = part.penalty.on_its_units()
    assert units.chosen == tuple(range(1, 8))
    assert penalty == GroupLasso(axes=(1,), groups=(0, 1, 1, 1, 1, 2, 2))
    assert names["penalised"] == tuple(range(1, 8))
    assert set(names["attachment"].assignment.parts) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert result.summary["free"] == ["age"]


def unread(inputs: int, _: int) -> torch.nn.Module:
    """Return a model whose first layer is none that is known."""
    return torch.nn.Sequential(Unread(inputs))


@pytest.mark.parametrize(
    "options",
    [
        {"free": ("ag",)},
        {"free": ("age", "x", "city", "sex")},
        {"groups_of_inputs": {"a": ["age"], "b": ["age"]}},
        {"groups_of_inputs": {"a": ["town"]}},
        {"groups_of_inputs": {"a": "age"}},
        {"groups_of_inputs": ["p", "q"]},
        {"groups_of_inputs": "pq"},
        {"groups_of_inputs": 3},
        {"groups_of_inputs": {"a": ["age", "x"]}, "penalty": L1()},
        {"free": ("age",), "select": ("2.weight",)},
        {"free": ("age",), "model": unread},
    ],
    ids=lambda options: "-".join(
        f"{key}={getattr(v, '__name__', v)}" for key, v in options.items()
    ),
)
def test_wishes_that_cannot_be_are_refused(options):
    X, y = table(40)
    options = {"model": "mlp:3", "penalty": GroupLasso("input"), **options}
    with pytest.raises(InputError, match="expected"):
        fit_path(options.pop("model"), X, y, folds=2, epochs=1, progress=False, **options)


class Unread(torch.nn.Module):
    """Not a linear layer over the inputs."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1, inputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight.t()


def test_groups_are_plain_values_and_none_where_each_column_is_one_input():
    X, _ = table(20)
    fitted = Preprocessing.fit(X)
    groups = checked_groups(np.array([1, 1, 2, 3]))
    assert groups == (1, 1, 2, 3)
    assert json.dumps(groups)
    assert input_groups(Preprocessing.fit(X[["age", "x"]]), None, ()) is None
    labels = input_groups(fitted, {"both": ["age", "city"]}, ("sex",))
    assert labels is not None
    assert labels.free == (6, 7)


def test_groups_are_read_from_toml_and_json_and_other_files_are_refused(tmp_path):
    expected = {"body": ("height", "weight"), "place": ("city",)}
    for name, text in {
        "g.toml": 'body = ["height", "weight"]\nplace = ["city"]\n',
        "g.json": '{"body": ["height", "weight"], "place": ["city"]}',
    }.items():
        (tmp_path / name).write_text(text)
        assert read_groups(tmp_path / name) == expected
    bad = {"a.txt": "", "a.toml": "body = [", "b.json": "[1]", "b.toml": "", "c.toml": "a = 3"}
    for name, text in bad.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match="expected") as refusal:
            read_groups(tmp_path / name)
        assert "\n" not in str(refusal.value)
    with pytest.raises(InputError):
        read_groups(tmp_path / "nowhere.toml")
