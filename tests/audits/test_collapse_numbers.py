"""The balance of two pushes, the prediction made of it, and the strengths that are suggested."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

import pytest

from shrinkage.audits.judging.collapse import Pushes, balance, predict_collapse, safe_strengths

HARD = Pushes("a.weight", 60.0, 1.0, 0.0, 0.5, 0.001, 0.002)
SOFT = Pushes("b.weight", 80.0, 2.0, 0.0, 0.25, 0.0005, 0.001)


def predicted(*layers: Pushes, strengths: tuple[float, ...] = (1.0,), **options: Any) -> list[Any]:
    flags = {"proportional": False, "smooth": False} | options
    return predict_collapse(list(layers), list(strengths), **flags)


def weakened(layer: Pushes, by: float) -> Pushes:
    """Return the pushes at `by` times the strength."""
    return dataclasses.replace(layer, penalty=by * layer.penalty, along=by * layer.along)


def test_pushes_add_like_lengths() -> None:
    pushes = balance([HARD, SOFT])
    assert pushes.penalty == pytest.approx(100)
    assert pushes.data == pytest.approx(math.sqrt(5))
    assert pushes.unanswered == 1
    assert pushes.ratio == pytest.approx(100 / math.sqrt(5))


def test_at_a_minimum_the_data_answers() -> None:
    """There the gradient of the data is minus that of the penalty."""
    settled = dataclasses.replace(HARD, data=60.0, along=-3600.0)
    assert balance([settled]).unanswered == pytest.approx(0)
    assert balance([settled]).ratio == pytest.approx(0)
    assert predicted(settled) == []


def test_collapse_is_named_with_numbers() -> None:
    (said,) = predicted(HARD, SOFT, strengths=(1.0, 0.0, 0.5))
    assert (said.rule, said.severity) == ("collapse", "error")
    assert "44.7 times as hard" in said.message
    assert "a.weight 60 times" in said.message
    assert "about 500 steps" in said.message
    assert "at most 0.0002 and 0.0001" in said.remedy
    assert "fit_path" in said.remedy


def test_epochs_are_said_where_they_are_known() -> None:
    (said,) = predicted(HARD, steps_per_epoch=250)
    assert "about 500 steps (2 epochs)" in said.message


def test_a_push_in_proportion_to_the_weights_takes_time_constants() -> None:
    (said,) = predicted(HARD, SOFT, proportional=True)
    steps = math.log(100) / 0.001
    assert f"about {float(f'{steps:.1g}'):g} steps" in said.message


@pytest.mark.parametrize(("ratio", "count"), [(0.1, 0), (0.99, 0), (20.0, 1), (1000.0, 1)])
def test_which_pushes_are_lost(ratio: float, count: int) -> None:
    layer = weakened(HARD, ratio / balance([HARD]).ratio)
    assert balance([layer]).ratio == pytest.approx(ratio)
    assert len(predicted(layer)) == count


def test_decay_of_one_layer_keeps_its_directions() -> None:
    assert predicted(HARD, smooth=True) == []
    assert predicted(HARD, SOFT, smooth=True)
    assert predicted(HARD, smooth=False)


def test_nothing_penalised() -> None:
    idle = Pushes("a", 0.0, 1.0, 0.0, 0.5, 0.001, 0.0)
    assert balance([idle]).ratio == 0
    assert predicted(idle) == []
    assert predicted() == []


@pytest.mark.parametrize("strength", [1.0, 0.3, 2e-4, 7.0])
def test_safe_strengths_push_a_hundredth_of_the_data(strength: float) -> None:
    layers = [HARD, SOFT]
    (safe,) = safe_strengths(layers, [strength])
    ratio = balance([weakened(layer, safe / strength) for layer in layers]).ratio
    assert 0.004 < ratio <= 0.01
    assert re.fullmatch(r"[1-9](\.0)?e[-+]\d+", f"{safe:.1e}")
    assert safe == float(f"{safe:.1g}")


def test_safe_strengths_keep_the_share_of_every_term() -> None:
    first, second = safe_strengths([HARD, SOFT], [0.8, 0.4])
    assert first / second == pytest.approx(2, rel=0.5)


def test_a_term_that_is_switched_off_stays_off() -> None:
    first, second = safe_strengths([HARD, SOFT], [1.0, 0.0])
    assert first > 0
    assert second == 0


def test_no_gradient_of_the_data_at_all() -> None:
    """A network of dead units: no strength is small enough."""
    dead = dataclasses.replace(HARD, data=0.0)
    assert balance([dead]).ratio == math.inf
    (said,) = predicted(dead)
    assert said.rule == "collapse"
