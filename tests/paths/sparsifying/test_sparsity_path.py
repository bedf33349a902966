"""A sparsity path from end to end: sizes, warm starts, budgets, the run directory, the report."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from shrinkage import L1, L2, fit_path
from shrinkage.errors import InputError
from shrinkage.paths.engines import lone
from shrinkage.paths.results.smaller import compact_path
from shrinkage.paths.results.warnings import _undertrained
from shrinkage.paths.sparsifying import engine
from shrinkage.pytorch.zeros import FrozenZeros
from shrinkage.reports import summary_sentence
from shrinkage.reports.figures import all_figures
from shrinkage.run import load_result
from tests.cli.command_line import shrinkage
from tests.paths.small_runs import without_times
from tests.paths.tables import table

SMALL: dict[str, Any] = {"strengths": 4, "folds": 2, "repeats": 1, "epochs": 60, "batch_size": 16}


def classes(rows: int = 90):
    """Return a table whose class is told by two of six columns."""
    X = np.random.default_rng(5).normal(size=(rows, 6))
    return X, np.where(X[:, 0] - X[:, 1] > 0, "yes", "no")


def fitted(goal: str = "smallest", model: str = "mlp:6", **options: Any) -> Any:
    return fit_path(model, *classes(), goal=goal, **{**SMALL, **options})


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("goal") / "run"
    return fitted(store=folder), folder


def test_sizes_are_exact_and_supports_are_nested(kept):
    result, _ = kept
    total = result.best.total_weights
    counts = np.floor(total / result.strengths + 1e-6).astype(int)
    np.testing.assert_array_equal(result.nonzero, np.stack([counts, counts], axis=1))
    assert result.goal.weights == tuple(counts)
    assert result.goal.bytes == tuple(sorted(result.goal.bytes, reverse=True))
    for place in range(1, len(counts)):
        before, now = (result.weights[f"strength_{own}"] for own in (place - 1, place))
        for name in ("0.weight", "2.weight"):
            assert not (now[name] != 0)[before[name] == 0].any()


def test_the_goal_is_the_smallest_within_one_standard_error(kept):
    result, _ = kept
    goal = result.by_role("goal")
    best = result.score_mean.max()
    error = result.score_error[result.best.index]
    within = np.flatnonzero(result.score_mean >= best - error)
    assert goal.index == within[-1]
    assert goal.nonzero < goal.total_weights / 2
    assert goal.test_score > 0.8
    pairs = {(pair.of, pair.against) for pair in result.differences}
    assert {("best", "goal"), ("goal", "unregularized")} <= pairs


def test_a_run_directory_gives_it_back_with_picture_and_sentence(kept):
    result, folder = kept
    again = load_result(folder)
    assert again.goal == result.goal
    assert again.by_role("goal") == result.by_role("goal")
    np.testing.assert_array_equal(
        again.predict(classes()[0], "goal"), result.predict(classes()[0], "goal")
    )
    sentence = summary_sentence(again)
    assert sentence.startswith(f"Goal smallest: {again.by_role('goal').nonzero:,} of 48 weights")
    assert "Against the dense network" in sentence
    figure = all_figures(again)[0]
    assert figure.key == "size"
    page = (folder / "report.html").read_text()
    assert "Error against size" in page
    assert (folder / "figures" / "size.png").exists()
    assert shrinkage("compact", folder, "-q").status == 0
    assert load_result(folder / "compact").asked_for == "goal"


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_result(tmp_path, kept, monkeypatch):
    result, _ = kept
    train, calls = engine.SparsifyingEngine.train, []

    def killed(self, problem, unit, advance):
        calls.append(unit.name)
        if unit.name.startswith("refit"):
            raise KeyboardInterrupt
        return train(self, problem, unit, advance)

    monkeypatch.setattr(engine.SparsifyingEngine, "train", killed)
    with pytest.raises(KeyboardInterrupt):
        fitted(store=tmp_path / "run")
    monkeypatch.setattr(engine.SparsifyingEngine, "train", train)
    calls.clear()
    again = fitted(store=tmp_path / "run", resume=True)
    assert without_times(again.summary) == without_times(result.summary)
    np.testing.assert_array_equal(again.fold_scores, result.fold_scores)


@pytest.mark.parametrize(
    ("goal", "what", "most"), [("2 features", "features", 2), ("1.2 kB", "bytes", 1200)]
)
def test_a_budget_is_kept_by_the_model_that_is_given(goal, what, most):
    result = fitted(goal, "mlp:24", strengths=3, epochs=20)
    place = result.by_role("goal").index
    assert result.goal.sizes()[what][place] <= most
    assert result.goal.sizes()[what][-1] > 0.6 * most  # the ladder ends at the budget
    if what == "features":
        assert result.goal.weights[place] == 24 * 2 + 24 * 2
        assert (result.weights["goal"]["0.weight"] != 0).any(axis=0).sum() == 2


@pytest.mark.parametrize("goal", ["20 kB", "1 MB dense"])
def test_a_budget_that_the_whole_model_keeps_takes_the_best_of_all_sizes_and_says_so(goal):
    result = fitted(goal, "mlp:12", strengths=3, epochs=30)
    assert result.strengths[0] == 1.0  # the dense network is one of them
    assert len(result.strengths) >= 3
    chosen = result.by_role("goal")
    assert chosen.cv_score == result.score_mean.max()
    told = [note for note in result.summary["notes"] if "the whole model takes" in note]
    assert len(told) == 1
    assert f"which '{goal}' holds" in told[0]


@pytest.mark.parametrize("fixed", [(), (3e-3 * L1(),)])
def test_the_smallest_number_of_features_is_found_on_the_way_to_one(fixed):
    result = fitted("smallest features", strengths=6, fixed=fixed)
    chosen = result.by_role("goal").index
    assert result.goal.features[chosen] == 2  # two tell the class
    assert result.goal.features[-1] == 1
    for place in range(1, len(result.goal.features)):
        before, now = (result.weights[f"strength_{own}"] for own in (place - 1, place))
        for name in ("0.weight", "2.weight"):
            assert not (now[name] != 0)[before[name] == 0].any()
    if fixed:  # what a term has made zero stays so, too
        assert result.goal.weights[-1] < 6 * 1 + 6 * 2


def test_numbers_are_learned_with_few_columns_by_a_linear_model():
    result: Any = fit_path("linear", *table(), goal="3 features", **{**SMALL, "epochs": 150})
    assert result.by_role("goal").cv_score > 0.8
    weight = next(own for own in result.weights["goal"].values() if own.ndim == 2)
    assert np.flatnonzero(weight.any(axis=0)).tolist() == [0, 1, 2]


def test_a_dense_network_that_has_hardly_learned_is_told(kept):
    said = "the dense network, which the others are compared with"
    assert not any(said in warning for warning in kept[0].warnings)
    result: Any = fit_path("mlp:4", *table(), goal="smallest", **{**SMALL, "epochs": 2})
    dense, nothing = result.by_role("unregularized").cv_score, result.constant.cv_score
    assert result.best.cv_score - dense > dense - nothing
    assert any(said in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("dense", "loss", "best", "said"),
    [
        ((0.3, 0.5), 0.6, (0.52, 0.3), "no better than a model without inputs (0.5), where the"),
        ((0.8, 0.8), 0.6, (0.8, 0.8), ""),
        ((0.8, 0.8), np.nan, (0.8, 0.8), ""),
        ((0.8, 0.8), 3.21, (0.8, 0.8), "log loss of 3.21 on validation rows, more than a model"),
    ],
)
def test_a_dense_network_that_is_worse_than_a_constant_is_told(dense, loss, best, said):
    measures = {"score": np.array([dense]), "log_loss": np.full((1, 2), loss)}
    plain = SimpleNamespace(measures=measures)
    folds: Any = {"unregularized": plain, "measures": {"score": np.array([best])}, "rounds": 1}
    problem = SimpleNamespace(scorer=SimpleNamespace(name="r2"), recipe=SimpleNamespace(epochs=5))
    constant = SimpleNamespace(folds=np.full(2, 0.5), log_loss=np.full(2, 0.63))
    plan: Any = SimpleNamespace(problem=problem, constant=constant)
    told = _undertrained(plan, SimpleNamespace(**folds), SimpleNamespace(best=0))  # type: ignore[arg-type]
    assert (said in told) if said else told == ""


def test_terms_that_make_zeros_are_left_out_of_the_refit_and_the_others_are_not(monkeypatch):
    seen: list[dict[str, float]] = []
    go_on = lone.InArrays.go_on

    def noted(network, strengths):
        seen.append(dict(strengths))
        go_on(network, strengths)

    monkeypatch.setattr(lone.InArrays, "go_on", noted)
    terms = (1e-3 * L1(), 1e-2 * L2())
    fitted(strengths=(2.0, 4.0), fixed=terms, epochs=4)
    values = {tuple(own.values()) for own in seen}  # of the cardinality, L1 and L2
    assert values == {(0.0, 0.0, 0.0), (0.0, 1e-3, 1e-2), (0.0, 0.0, 1e-2)}


def test_zeros_stay_zero_although_adam_moves_them(monkeypatch):
    """A seeded fault: with no one to hold them, supports are not those of the ladder."""
    monkeypatch.setattr(FrozenZeros, "hold", lambda *_, **__: None)
    result = fitted(strengths=(2.0, 4.0), epochs=10)
    assert (result.nonzero[1] > 12).all()


def test_a_network_of_ones_own_with_statistics_becomes_small_too():
    def network(inputs: int, outputs: int) -> torch.nn.Module:
        layers = torch.nn.Linear(inputs, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU()
        return torch.nn.Sequential(*layers, torch.nn.Linear(8, outputs))

    result = fit_path(network, *classes(), goal="16 weights", **{**SMALL, "strengths": 2})
    assert result.by_role("goal").nonzero == 16
    assert result.score(*classes(), "goal") > 0.8


@pytest.mark.parametrize(
    ("goal", "what", "most"), [("5 units", "units", 5), ("700 B dense", "dense bytes", 700)]
)
def test_a_budget_of_units_is_a_smaller_dense_network(goal, what, most):
    result = fitted(goal, "mlp:12,8", strengths=4, epochs=60)
    chosen = result.by_role("goal")
    record = result.goal
    assert record.counts == "units"
    assert record.total_units == 20
    assert record.sizes()[what][chosen.index] <= most
    weights = result.weights["goal"]
    hidden = [weights["0.weight"].any(axis=1), weights["2.weight"].any(axis=1)]
    assert sum(int(own.sum()) for own in hidden) == record.units[chosen.index]
    assert not weights["0.bias"][~hidden[0]].any()
    assert not weights["2.weight"][:, ~hidden[0]].any()
    first, second = (int(own.sum()) for own in hidden)
    _, found = compact_path(result, "goal", timed=False)
    assert record.plain_bytes[chosen.index] == found.proof.after.file_bytes
    assert record.dense_bytes == found.proof.before.file_bytes
    linear = [own for own in found.module.modules() if isinstance(own, torch.nn.Linear)]
    assert [own.out_features for own in linear] == [first, second, 2]
    assert chosen.test_score > 0.7


def test_the_smallest_dense_network_has_few_units_and_the_largest_of_both_layers_stay():
    result = fitted("smallest dense", "mlp:12,8", strengths=4, epochs=60)
    chosen = result.by_role("goal")
    assert result.goal.units[chosen.index] < 10
    assert result.goal.units == tuple(sorted(result.goal.units, reverse=True))
    assert "hidden units" in summary_sentence(result)
    figure: Any = all_figures(result)[0]
    assert figure.x.label.startswith("hidden units")


def test_bad_input_is_refused_before_anything_is_written(tmp_path):
    for goal, said in (
        ("6 features", "fewer than the 6 features"),
        ("99 weights", "fewer than the 48 weights"),
        ("10 B", "at least"),
        ("6 units", "fewer than the 6 units"),
        ("20 B dense", "with one hidden unit"),
    ):
        with pytest.raises(InputError, match=said):
            fitted(goal, store=tmp_path / "run")
    with pytest.raises(InputError, match="hidden units for a goal of units"):
        fitted("1 unit", "linear")
    with pytest.raises(InputError, match=r"line \d+ of Branching.forward.*goal of weights"):
        fit_path(Branching, *classes(), goal="2 units", **SMALL)
    with pytest.raises(InputError, match="no penalty beside the goal"):
        fitted(penalty=L1(), store=tmp_path / "run")
    with pytest.raises(InputError, match="reads the features one by one"):
        fit_path(Mixed, *classes(), goal="2 features", **SMALL)
    assert not (tmp_path / "run").exists()


class Branching(torch.nn.Module):
    """A network whose code depends on values."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        self.first, self.last = torch.nn.Linear(n_inputs, 5), torch.nn.Linear(5, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs."""
        hidden = self.first(x)
        if hidden.sum() > 0:
            hidden = hidden.relu()
        return self.last(hidden)


class Mixed(torch.nn.Module):
    """A network that mixes its inputs before the first weights."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        self.last = torch.nn.Linear(n_inputs // 2, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs."""
        return self.last(x[:, ::2] + x[:, 1::2])
