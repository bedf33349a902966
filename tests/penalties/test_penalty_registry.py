"""The registry builds every penalty from its name and refuses the rest with the nearest name."""

from __future__ import annotations

import pytest

from shrinkage.errors import InputError
from shrinkage.penalties import (
    ElasticNet,
    GroupLasso,
    options_of,
    penalty_class,
    penalty_from_name,
    penalty_names,
    registered_name,
)


@pytest.mark.parametrize("name", penalty_names())
def test_every_entry_is_complete_and_buildable(name: str) -> None:
    penalty = penalty_class(name)
    assert penalty.name == name
    assert penalty.formula
    assert penalty.summary
    defaults = {option.name: option.default for option in options_of(penalty)}
    assert penalty_from_name(name, **defaults) == penalty_from_name(name) == penalty()


def test_options_reach_the_penalty() -> None:
    assert penalty_from_name("elastic-net", l1_ratio=0.25) == ElasticNet(0.25)
    assert penalty_from_name("group-lasso", per="output") == GroupLasso("output")


@pytest.mark.parametrize(
    ("name", "registered"),
    [
        ("lasso", "l1"),
        ("L1", "l1"),
        ("ridge", "l2"),
        ("weight-decay", "l2"),
        ("weight_decay", "l2"),
        ("elasticnet", "elastic-net"),
        ("Elastic Net", "elastic-net"),
        ("enet", "elastic-net"),
        ("grouplasso", "group-lasso"),
        ("group_lasso", "group-lasso"),
    ],
)
def test_names_that_people_know(name: str, registered: str) -> None:
    assert registered_name(name) == registered
    assert penalty_from_name(name) == penalty_class(registered)()


def test_every_other_name_is_of_one_penalty_and_of_none_by_its_own_name() -> None:
    others = [other for key in penalty_names() for other in penalty_class(key).also_called]
    assert len(others) == len({*others, *penalty_names()}) - len(penalty_names())
    for key in penalty_names():
        for other in penalty_class(key).also_called:
            assert registered_name(other) == key


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("laso", {}, "did you mean lasso"),
        ("group-laso", {}, "did you mean group-lasso"),
        ("zzz", {}, "choose one of those"),
        ("l1", {"l1_ratio": 0.5}, "expected no options for penalty l1"),
        ("elastic-net", {"l1ratio": 0.5}, "did you mean l1_ratio"),
        ("elastic-net", {"l1_ratio": 2.0}, "expected l1_ratio as a number from 0 to 1"),
        ("group-lasso", {"per": "outputs"}, "did you mean output"),
    ],
)
def test_bad_names_and_options_are_one_line(name: str, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        penalty_from_name(name, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan"), True, "0.5", None])
def test_elastic_net_refuses_what_is_no_ratio(ratio: object) -> None:
    with pytest.raises(InputError, match="l1_ratio"):
        ElasticNet(ratio)  # type: ignore[arg-type]
