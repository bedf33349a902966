"""`ParameterInfo` keeps what it is told and refuses unknown roles."""

from __future__ import annotations

import dataclasses

import pytest

from shrinkage.errors import InputError
from shrinkage.parameters import ROLES, ParameterInfo, infos_from_arrays


def test_names_and_size():
    info = ParameterInfo("a", (3, 4), aliases=("b",))
    assert info.names == ("a", "b")
    assert info.size == 12
    assert ParameterInfo("scalar", ()).size == 1


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ParameterInfo("a", (3,)).name = "b"  # type: ignore[misc]


def test_unknown_role_is_refused():
    with pytest.raises(InputError, match="expected a role of weight, bias"):
        ParameterInfo("a", (3,), "wieght")
    assert all(ParameterInfo("a", (3,), role).role == role for role in ROLES)


def test_arrays_without_a_layer():
    infos = infos_from_arrays([("w", (3, 2)), ("b", (3,)), ("kernel", (3, 2, 5))])
    assert [info.role for info in infos] == ["weight", "bias", "weight"]
    assert (infos[0].input_axis, infos[0].output_axis) == (1, 0)
