"""Options are the fields of the dataclass: their type, default, help, choices and variants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from shrinkage.penalties import (
    L1,
    REGISTRY,
    ElasticNet,
    GroupLasso,
    Option,
    Penalty,
    option,
    options_of,
    variants_of,
)


@dataclass(frozen=True)
class Many(L1):
    """A penalty with a field of each kind."""

    plain: float = 2.0
    perhaps: int | None = None
    some_word: str = field(default="a", metadata=option("a word", choices=("a", "b")))
    really: bool = field(default=False, metadata=option("yes or no"))
    axes: tuple[int, ...] | None = field(default=None, metadata=option("", variants=((0,),)))
    anything: Any = 1.0
    fixed: ClassVar[float] = 3.0


def test_options_are_the_fields_that_a_command_line_can_read() -> None:
    assert options_of(Many) == (
        Option("plain", float, 2.0, ""),
        Option("perhaps", int, None, ""),
        Option("some_word", str, "a", "a word", ("a", "b")),
        Option("really", bool, False, "yes or no"),
    )
    assert options_of(L1) == ()


def test_variants_are_the_defaults_then_every_choice_and_variant_once() -> None:
    assert variants_of(Many) == (Many(), Many(some_word="b"), Many(axes=(0,)))
    assert variants_of(ElasticNet) == tuple(map(ElasticNet, (0.5, 0.0, 0.3, 1.0)))
    assert variants_of(GroupLasso) == (
        *map(GroupLasso, ("input", "output", "layer")),
        GroupLasso(axes=(0, 1)),
        GroupLasso(axes=(-1,)),
        GroupLasso(groups=(0, 1, 0)),
    )


@pytest.mark.parametrize("penalty", REGISTRY.values(), ids=REGISTRY)
def test_every_option_of_a_registered_penalty_says_what_it_means(penalty: type[Penalty]) -> None:
    for offered in options_of(penalty):
        assert offered.help
        assert isinstance(offered.default, offered.type)
        for choice in offered.choices:
            assert getattr(penalty(**{offered.name: choice}), offered.name) == choice
