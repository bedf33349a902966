"""Targets as codes or standardized numbers, and back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from shrinkage.datasets import TargetEncoding


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["<b>", "a & b", " padded ", "日本🐭", "x\0"], dtype=object),
        np.array(["no", "yes"]),
        np.array([7, -2, 3]),
        np.array([True, False]),
        np.array([0.5, 1.5]),
    ],
)
def test_classes_survive_json(labels):
    y = np.concatenate([labels, labels[::-1]])
    encoding = TargetEncoding.fit(y, "classification")
    assert list(encoding.classes) == sorted(labels.tolist())
    codes = encoding.encode(y)
    assert codes.dtype == np.int64
    assert encoding.n_outputs == len(labels)
    again = TargetEncoding.from_dict(json.loads(json.dumps(encoding.to_dict())))
    assert again == encoding
    assert [type(c) for c in again.classes] == [type(c) for c in encoding.classes]
    assert again.decode(codes).tolist() == y.tolist()


def test_codes_follow_sorted_order():
    y = np.array(["b", "a", "c", "a"], dtype=object)
    assert TargetEncoding.fit(y, "classification").encode(y).tolist() == [1, 0, 2, 0]


@pytest.mark.parametrize("label", ["d", 1, ""])
def test_unseen_label(refused, label):
    encoding = TargetEncoding.fit(np.array(["a", "b"], dtype=object), "classification")
    with refused("'a', 'b'", repr(label)):
        encoding.encode(np.array(["a", label], dtype=object) if label != 1 else np.array([1]))


def test_labels_of_several_kinds(refused):
    with refused("one kind"):
        TargetEncoding.fit(np.array([1, "a"], dtype=object), "classification")


def test_numbers():
    y = np.random.default_rng(0).normal(40, 9, 30)
    encoding = TargetEncoding.fit(y, "regression", standardize=True)
    encoded = encoding.encode(y)
    np.testing.assert_allclose([encoded.mean(), encoded.std()], [0, 1], atol=1e-12)
    np.testing.assert_allclose(encoding.decode(encoded), y, rtol=1e-14)
    assert encoding.n_outputs == 1
    assert TargetEncoding.from_dict(json.loads(json.dumps(encoding.to_dict()))) == encoding
    plain = TargetEncoding.fit(y, "regression", standardize=False)
    assert np.array_equal(plain.encode(y), y)


@pytest.mark.parametrize("y", [[3.0, 3.0], [1.0, np.nan]])
def test_numbers_without_spread(refused, y):
    with refused("standard deviation"):
        TargetEncoding.fit(np.array(y), "regression", standardize=True)
