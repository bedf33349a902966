"""What `convert` answers, asks for and refuses."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shrinkage.conventions import (
    Holds,
    NoEqualStrength,
    UnknownConvention,
    convention_named,
    convention_names,
    convert,
)
from shrinkage.conventions.base import Penalises
from shrinkage.conventions.expressions import symbol
from shrinkage.errors import InputError, ShrinkageError
from tests.conventions.directions import DIRECTIONS, Direction


def test_the_answer_says_what_it_is() -> None:
    answer = convert(0.01, "keras.l2", "torch.sgd.weight_decay")
    assert answer.value == 0.02
    assert answer.formula == "torch.sgd.weight_decay = 2 · keras.l2 = 2 · 0.01 = 0.02"
    assert answer.holds is Holds.EVERY_STEP
    lines = str(answer).splitlines()
    assert lines[0] == "keras.l2 = 0.01 is torch.sgd.weight_decay = 0.02"
    assert [line.partition(":")[0] for line in lines[1:]] == ["formula", "valid when"]


@pytest.mark.parametrize(
    ("value", "source", "target", "context", "expected"),
    [
        (1.0, "sklearn.Ridge.alpha", "shrinkage.l2", {"n_samples": 200}, 0.005),
        (0.1, "sklearn.Lasso.alpha", "shrinkage.l1", {}, 0.1),
        (2.0, "sklearn.LogisticRegression.C", "shrinkage.l2", {"n_samples": 50}, 0.01),
        (0.5, "sklearn.MLPClassifier.alpha", "keras.l2", {"batch_size": 50}, 0.005),
        (0.1, "torch.adamw.weight_decay", "tfa.adamw.weight_decay", {"learning_rate": 0.01}, 1e-3),
        (0.1, "sklearn.ElasticNet.alpha", "keras.l1_l2", {"l1_ratio": 0.5}, (0.05, 0.025)),
        ((0.1, 0.2), "keras.l1_l2", "shrinkage.elastic_net", {}, 0.5),
        (0.1, "fastai.wd", "keras.adamw.weight_decay", {}, 0.1),
        (0.1, "sklearn.ElasticNet.alpha", "glmnet.lambda", {}, 0.1),
        (0.1, "adelie.grpnet.lmda", "glmnet.lambda", {}, 0.1),
        (0.3, "skglm.GroupLasso.alpha", "shrinkage.group_lasso", {"group_size": 9}, 0.1),
        (0.1, "shrinkage.group_lasso", "skglm.GroupLasso.alpha", {"group_size": 9}, 0.3),
        (0.3, "skglm.GroupLasso.alpha", "skglm.penalties.WeightedGroupL2.alpha", {}, 0.3),
        (0.1, "skglm.penalties.LogSumPenalty.alpha", "shrinkage.log_sum", {"epsilon": 0.5}, 0.2),
        (0.1, "skglm.MCPRegression.alpha", "shrinkage.mcp", {}, 0.1),
        (2**0.5, "lassonet.LassoNetClassifier.lambda_", "shrinkage.l1", {}, 1.0),
        (100, "timescale.steps", "timescale.epochs", {"steps_per_epoch": 20}, 5.0),
        (0.1, "torch.muon.weight_decay", "optax.contrib.muon.weight_decay", {}, 0.1),
        (0.1, "torch.muon.weight_decay", "keras.muon.weight_decay", {"fan_in": 100}, 0.2),
        (0.2, "keras.muon.weight_decay", "torch.muon.weight_decay", {"fan_in": 100}, 0.1),
        (
            0.1,
            "timm.adamc.weight_decay",
            "torch.adamw.weight_decay",
            {"learning_rate": 1e-4, "max_learning_rate": 1e-3},
            0.01,
        ),
        (
            1e-4,
            "independent.weight_decay",
            "torch.adamw.weight_decay",
            {"max_learning_rate": 1e-3},
            0.1,
        ),
        (
            1e-4,
            "independent.weight_decay",
            "timm.adamc.weight_decay",
            {"learning_rate": 1e-3},
            0.1,
        ),
    ],
)
def test_values_worked_out_by_hand(value, source, target, context, expected) -> None:
    assert convert(value, source, target, **context).value == pytest.approx(expected, rel=1e-15)


def test_another_scale_of_the_update_needs_another_learning_rate() -> None:
    there = convert(0.1, "torch.muon.weight_decay", "keras.muon.weight_decay", fan_in=100)
    assert (there.holds, there.learning_rate_factor) == (Holds.RESCALED_RATE, 0.5)
    assert "at 0.5 times the learning rate" in str(there)
    # the decay of a step, lr · λ, is the same
    assert there.value * there.learning_rate_factor == pytest.approx(there.given, rel=1e-15)
    same = convert(0.1, "torch.muon.weight_decay", "optax.contrib.muon.weight_decay")
    assert (same.holds, same.learning_rate_factor) == (Holds.EVERY_STEP, 1.0)


def test_cautious_decay_has_no_equal_and_the_nearest_is_its_share() -> None:
    for pair in (
        ("cautious.weight_decay", "torch.adamw.weight_decay"),
        ("cautious.weight_decay", "torch.adam.weight_decay"),
    ):
        with pytest.raises(NoEqualStrength, match="on another set of coordinates") as error:
            convert(0.1, *pair, decayed_share=0.5)
        assert error.value.nearest == 0.05
    with pytest.raises(NoEqualStrength, match="weight_decay · decayed_share") as error:
        convert(0.1, "cautious.weight_decay", "torch.adamw.weight_decay")
    assert error.value.nearest is None
    with pytest.raises(InputError, match="decayed_share as a number from 0 to 1"):
        convert(0.1, "cautious.weight_decay", "torch.adamw.weight_decay", decayed_share=1.5)


def test_the_l1_ratio_that_belongs_to_the_number_is_answered() -> None:
    answer = convert((0.01, 0.02), "keras.l1_l2", "sklearn.ElasticNet.alpha")
    assert (answer.value, answer.l1_ratio) == pytest.approx((0.05, 0.2))
    assert "with l1_ratio = 0.2" in str(answer)
    assert convert(0.1, "keras.l1", "sklearn.LogisticRegression.C", n_samples=10).l1_ratio == 1
    assert convert(0.1, "keras.l2", "sklearn.Ridge.alpha", n_samples=10).l1_ratio is None


@settings(max_examples=30, deadline=None)
@given(direction=st.sampled_from(DIRECTIONS), factor=st.floats(1e-6, 1e6))
def test_there_and_back_is_the_same_number(direction: Direction, factor: float) -> None:
    source, target, context = direction.source, direction.target, dict(direction.context)
    number = direction.number
    scaled = tuple(factor * part for part in number) if type(number) is tuple else factor * number
    there = convert(scaled, source.name, target.name, **context)
    context.pop("l1_ratio", None)
    if there.l1_ratio is not None and target.penalises is Penalises.MIXED:
        context["l1_ratio"] = there.l1_ratio
    back = convert(there.value, target.name, source.name, **context)
    assert back.value == pytest.approx(scaled, rel=1e-12)


@pytest.mark.parametrize("name", convention_names())
def test_a_number_under_its_own_name_is_itself(name: str) -> None:
    number = (0.1, 0.3) if name == "keras.l1_l2" else 0.3
    assert convert(number, name, name).value == number


@pytest.mark.parametrize("name", convention_names())
def test_the_two_functions_of_a_record_undo_each_other(name: str) -> None:
    record, number = convention_named(name), symbol("number")
    assert record.from_strength(record.to_strength(number)) == number
    assert record.to_strength(record.from_strength(number)) == number
    assert record.to_strength(number).powers["number"] == (-1 if record.inverse else 1)


@pytest.mark.parametrize(
    ("source", "target", "context", "name", "why"),
    [
        ("sklearn.Ridge.alpha", "keras.l2", {}, "n_samples", "a sum over the samples"),
        ("sklearn.MLPClassifier.alpha", "keras.l2", {}, "batch_size", "samples of a batch"),
        ("tfa.adamw.weight_decay", "fastai.wd", {}, "learning_rate", "multiplied by the learning"),
        ("timescale.epochs", "timescale.steps", {}, "steps_per_epoch", "epochs, the other steps"),
        ("glmnet.lambda", "keras.l1_l2", {}, "l1_ratio", "shared by L1 and L2"),
        (
            "sklearn.LogisticRegression.C",
            "sklearn.MLPClassifier.alpha",
            {"n_samples": 10},
            "batch_size",
            "samples of a batch",
        ),
    ],
)
def test_what_is_needed_is_asked_for_by_name(source, target, context, name, why) -> None:
    with pytest.raises(InputError, match=f"expected {name} for .* got none: .*{why}"):
        convert(0.1, source, target, **context)


@pytest.mark.parametrize(
    ("source", "target", "context", "message"),
    [
        ("keras.l2", "torch.sgd.weight_decay", {"learning_rate": 0.1}, "expected no learning_rate"),
        (
            "sklearn.Ridge.alpha",
            "sklearn.ElasticNet.alpha",
            {"n_samples": 9, "loss": "squared_error"},
            "expected no loss",
        ),
        ("keras.l2", "shrinkage.l2", {"l1_ratio": 0.0}, "expected no l1_ratio"),
        ("keras.l2", "shrinkage.l2", {"batchsize": 1}, "'batchsize': did you mean batch_size"),
        ("sklearn.Ridge.alpha", "keras.l2", {"n_samples": 0}, "whole number of at least 1"),
        ("sklearn.Ridge.alpha", "keras.l2", {"n_samples": 1.5}, "whole number of at least 1"),
        ("sklearn.Ridge.alpha", "keras.l2", {"n_samples": True}, "whole number of at least 1"),
        ("sklearn.Ridge.alpha", "keras.l2", {"n_samples": "9"}, "whole number of at least 1"),
        ("tfa.adamw.weight_decay", "fastai.wd", {"learning_rate": 0}, "number above 0"),
        ("tfa.adamw.weight_decay", "fastai.wd", {"learning_rate": math.nan}, "number above 0"),
        ("glmnet.lambda", "keras.l1_l2", {"l1_ratio": 1.1}, "number from 0"),
        ("sklearn.Lasso.alpha", "keras.l1", {"loss": "mse"}, "'squared_error'"),
    ],
)
def test_context_that_cannot_be(source, target, context, message) -> None:
    with pytest.raises(InputError, match=message):
        convert(0.1, source, target, **context)


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "0.1", None, True, (1, 2), 1j])
def test_numbers_that_cannot_be(value) -> None:
    with pytest.raises(InputError, match="finite number of at least 0, got"):
        convert(value, "keras.l2", "torch.sgd.weight_decay")


@pytest.mark.parametrize("value", [0.1, (1,), (1, 2, 3), "12", (0.1, -1)])
def test_a_pair_is_two_numbers(value) -> None:
    with pytest.raises(InputError, match=r"keras\.l1_l2"):
        convert(value, "keras.l1_l2", "shrinkage.elastic_net")


def test_numpy_numbers_are_numbers() -> None:
    assert convert(np.float32(0.5), "keras.l2", "shrinkage.l2").value == 1
    answer = convert(1, "sklearn.Ridge.alpha", "shrinkage.l2", n_samples=np.int64(4))
    assert answer.value == 0.25


def test_a_result_that_no_float_holds() -> None:
    with pytest.raises(InputError, match=r"a float can hold, got 2 · 1e\+308"):
        convert(1e308, "keras.l2", "shrinkage.l2")
    with pytest.raises(InputError, match="a float can hold"):
        convert(5e-324, "torch.sgd.weight_decay", "keras.l2")


def test_strength_zero_is_zero_everywhere_but_where_it_would_be_infinite() -> None:
    for target in ("torch.adamw.weight_decay", "keras.l1", "sklearn.Lasso.alpha"):
        assert convert(0, "keras.l2", target).value == 0
    assert convert(0, "keras.l2", "keras.l1_l2").value == (0, 0)
    with pytest.raises(NoEqualStrength, match=r"C: .* infinite; leave the penalty out"):
        convert(0, "keras.l2", "sklearn.LogisticRegression.C", n_samples=10)
    with pytest.raises(InputError, match=r"C as a finite number above 0, got 0"):
        convert(0, "sklearn.LogisticRegression.C", "keras.l2", n_samples=10)


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("torch.adamw", "did you mean torch.adamw.weight_decay?"),
        ("kears.l2", "did you mean keras.l2"),
        ("sklearn.ridge.ALPHA", "did you mean sklearn.Ridge.alpha?"),
        ("zzz", "shrinkage convert --list"),
        (None, "shrinkage convert --list"),
    ],
)
def test_unknown_names(name, offered) -> None:
    for pair in ((name, "keras.l2"), ("keras.l2", name)):
        with pytest.raises(UnknownConvention) as error:
            convert(0.1, *pair)
        assert offered in str(error.value)


def test_the_two_errors_are_different_and_both_are_value_errors() -> None:
    assert not issubclass(UnknownConvention, NoEqualStrength)
    assert not issubclass(NoEqualStrength, UnknownConvention)
    for kind in (UnknownConvention, NoEqualStrength):
        assert issubclass(kind, ShrinkageError)
        assert not issubclass(kind, InputError)


def test_l2_through_adam_against_adamw_offers_the_nearest_in_timescale() -> None:
    with pytest.raises(NoEqualStrength) as error:
        convert(0.01, "keras.l2", "torch.adamw.weight_decay", learning_rate=0.1)
    assert error.value.nearest == 0.02
    assert "nearest in timescale is torch.adamw.weight_decay = 0.02" in str(error.value)
    assert "= 500 steps" in str(error.value)
    copy = pickle.loads(pickle.dumps(error.value))
    assert (str(copy), copy.nearest, copy.reason) == (
        str(error.value),
        0.02,
        error.value.reason,
    )
    with pytest.raises(NoEqualStrength) as error:
        convert(1, "sklearn.Ridge.alpha", "torch.adamw.weight_decay")
    assert error.value.nearest is None
    assert "= sklearn.Ridge.alpha / n_samples:" in str(error.value)


@pytest.mark.parametrize(
    ("value", "source", "target", "context"),
    [
        (0.1, "keras.l1", "keras.l2", {}),
        ((0.1, 0.1), "keras.l1_l2", "keras.l2", {}),
        ((0.1, 0.1), "keras.l1_l2", "torch.adamw.weight_decay", {}),
        (0.1, "shrinkage.elastic_net", "sklearn.Lasso.alpha", {"l1_ratio": 0.5}),
        (0.1, "sklearn.Lasso.alpha", "sklearn.ElasticNet.alpha", {"l1_ratio": 0.5}),
        (0.1, "keras.l1", "torch.muon.weight_decay", {}),
        (0.1, "sklearn.Lasso.alpha", "cautious.weight_decay", {}),
    ],
)
def test_l1_is_never_l2(value, source, target, context) -> None:
    with pytest.raises(NoEqualStrength, match="L1 pulls every weight by the same amount") as error:
        convert(value, source, target, **context)
    assert error.value.nearest is None


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("shrinkage.l1", "shrinkage.mcp"),
        ("shrinkage.scad", "skglm.penalties.MCPenalty.alpha"),
        ("shrinkage.group_lasso", "sklearn.Lasso.alpha"),
        ("torch.adamw.weight_decay", "shrinkage.l_half"),
    ],
)
def test_other_penalties_are_equal_to_nothing_but_themselves(source, target) -> None:
    with pytest.raises(NoEqualStrength, match="different functions of the weights") as error:
        convert(0.1, source, target)
    assert error.value.nearest is None
    assert convert(0, source, target).value == 0


def test_a_strength_that_moves_a_knee_is_not_doubled_with_the_data_loss() -> None:
    pair = ("skglm.MCPRegression.alpha", "shrinkage.mcp")
    with pytest.raises(NoEqualStrength, match="moves its knee as well"):
        convert(0.1, *pair, loss="squared_error")
    groups = ("skglm.GroupLasso.alpha", "shrinkage.group_lasso")
    assert convert(0.1, *groups, group_size=1, loss="squared_error").value == 0.2


def test_squared_errors_without_a_half_double_the_number() -> None:
    context = {"n_samples": 10, "loss": "squared_error"}
    assert convert(1, "sklearn.Ridge.alpha", "torch.sgd.weight_decay", **context).value == 0.2
    assert convert(0.2, "torch.sgd.weight_decay", "sklearn.Ridge.alpha", **context).value == 1


@pytest.mark.parametrize("l1_ratio", [0.1, 0.3, 0.7])
def test_a_pair_goes_back_to_one_number_with_the_share_that_it_has(l1_ratio):
    context = {"l1_ratio": l1_ratio}
    pair = convert(0.037, "shrinkage.elastic_net", "keras.l1_l2", **context).value
    back = convert(pair, "keras.l1_l2", "shrinkage.elastic_net", **context)
    assert back.value == pytest.approx(0.037, rel=1e-12)
    with pytest.raises(NoEqualStrength, match="L1 share of"):
        convert(pair, "keras.l1_l2", "shrinkage.elastic_net", l1_ratio=l1_ratio + 1e-6)
