"""Selections: what each predicate takes, and that a selection without a role means weights."""

from __future__ import annotations

import pytest

from shrinkage import biases, embeddings, everything, kind, layer, named, norms, weights
from shrinkage.errors import InputError, UnmatchedPattern
from shrinkage.parameters import ParameterInfo
from shrinkage.selections import as_selection, select

INFOS = (
    ParameterInfo("embed.weight", (9, 4), "embedding", "embedding", 0, 1, ("tied.weight",)),
    ParameterInfo("stem.0.weight", (8, 4), "weight", "linear", 1, 0),
    ParameterInfo("stem.0.bias", (8,), "bias", "linear"),
    ParameterInfo("stem.1.weight", (8,), "norm", "norm"),
    ParameterInfo("stem.1.bias", (8,), "bias", "norm"),
    ParameterInfo("stem2.weight", (3, 8, 3, 3), "weight", "conv", 1, 0),
    ParameterInfo("scale", (1,), "other", "custom"),
)


def names(selection) -> list[str]:
    return [info.name for info in select(selection, INFOS)]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (weights(), ["stem.0.weight", "stem2.weight"]),
        (biases(), ["stem.0.bias", "stem.1.bias"]),
        (norms(), ["stem.1.weight"]),
        (embeddings(), ["embed.weight"]),
        (everything(), [info.name for info in INFOS]),
        (layer("stem"), ["stem.0.weight"]),
        (layer("stem*"), ["stem.0.weight", "stem2.weight"]),
        (kind("conv"), ["stem2.weight"]),
        ("stem*", ["stem.0.weight", "stem2.weight"]),
        (named("*.weight"), ["stem.0.weight", "stem2.weight"]),
        (named("tied.*") & embeddings(), ["embed.weight"]),
        (layer("stem") & biases(), ["stem.0.bias", "stem.1.bias"]),
        (biases() & layer("stem") & kind("norm"), ["stem.1.bias"]),
        (layer("stem2") | norms(), ["stem.1.weight", "stem2.weight"]),
        (layer("stem") & (kind("linear") | biases()), INFOS[1:3] + INFOS[4:5]),
        (~layer("stem"), ["stem2.weight"]),
        (everything() & ~biases(), [i.name for i in INFOS if i.role != "bias"]),
        (biases() | norms(), ["stem.0.bias", "stem.1.weight", "stem.1.bias"]),
        (weights() & "stem.*", ["stem.0.weight"]),
    ],
    ids=repr,
)
def test_selected_names(selection, expected):
    expected = [getattr(item, "name", item) for item in expected]
    assert names(selection) == expected


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ("stem.0.wieght", "did you mean stem.0.weight"),
        (layer("steem"), "did you mean stem"),
        (kind("convolution"), "did you mean conv"),
        (named("STEM.*"), "the parameters are embed.weight = tied.weight .embedding., stem"),
        ("stem", r"stem is a layer, whose weights are layer\('stem'\) or 'stem\.\*'"),
        (kind("norm"), r"kind\('norm'\) & biases\(\)"),
        ("stem.1.weight", r"& norms\(\)"),
    ],
)
def test_no_match_is_an_error_that_helps(selection, words):
    with pytest.raises(UnmatchedPattern, match=words):
        select(selection, INFOS)


MISSPELT = [
    (~layer("steem"), "did you mean stem"),
    (everything() & ~layer("steem"), r"layer\('steem'\) in everything\(\) & ~layer.* stem"),
    (weights() & ~named("stem.0.wieght"), r"did you mean stem\.0\.weight"),
    (layer("stem") | layer("steem2"), "did you mean stem2"),
    (~(layer("stem") | layer("steem2")), "did you mean stem2"),
    (~(~layer("steem") & biases()), "did you mean stem"),
    (~kind("convolution"), "did you mean conv"),
    (weights() & ~named("stem"), r"stem is a layer, whose weights are layer\('stem'\)"),
]


@pytest.mark.parametrize(("selection", "words"), MISSPELT, ids=lambda value: repr(value))
def test_a_misspelt_part_is_an_error_whatever_it_is_joined_by(selection, words):
    with pytest.raises(UnmatchedPattern, match=words):
        select(selection, INFOS)


def test_a_kind_that_the_model_has_not_may_be_excluded():
    assert names(weights() & ~kind("recurrent")) == names(weights())


def test_roles_are_named_where_a_selection_looks_at_them():
    one = (ParameterInfo("w", (3,), "other"), ParameterInfo("", (3,), "other"))
    words = r"w \(other\), the array itself \(other\); everything\(\) takes them"
    with pytest.raises(UnmatchedPattern, match=words):
        select(weights(), one)


def test_selections_print_as_their_expression():
    chosen = (layer("stem") | named("head.*")) & ~(biases() | norms())
    assert repr(chosen) == "(layer('stem') | named('head.*')) & ~(biases() | norms())"
    assert chosen == (layer("stem") | named("head.*")) & ~(biases() | norms())


@pytest.mark.parametrize("wrong", [3, None, ["stem"], ""])
def test_what_is_no_selection_is_refused(wrong):
    with pytest.raises(InputError, match="expected"):
        as_selection(wrong)
