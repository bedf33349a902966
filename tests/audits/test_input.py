"""What `audit` refuses: one clear line that names the thing and the remedy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shrinkage import L1, L2, audit
from shrinkage.errors import InputError, ShrinkageError, UnmatchedPattern

RATE = 0.1
TERM = 0.01 * L2()


def arrays() -> dict[str, np.ndarray]:
    return {"dense": np.array([[1.0, -2.0], [0.5, 3.0]]), "bias": np.array([0.25, -0.5])}


def good(scale: float) -> tuple[dict, dict, dict]:
    """Take a correct step of L2 in the gradient."""
    before = arrays()
    gradients = {"dense": 1 + scale * 0.01 * before["dense"], "bias": np.ones(2)}
    after = {name: w - RATE * gradients[name] for name, w in before.items()}
    return before, after, gradients


def changed(change: Callable[[float, tuple[dict, dict, dict]], Any]) -> Callable[[float], Any]:
    """Return the good step with something done to what it returns."""
    return lambda scale: change(scale, good(scale))


def refused(step: Any, *words: str, terms: Any = TERM, rate: Any = RATE) -> str:
    """Return the message of the refusal, which is one line and holds every word."""
    with pytest.raises(InputError) as caught:
        audit(step, terms, rate)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("expected ")
    assert all(word in message for word in words), message
    return message


def test_the_good_step_is_good() -> None:
    assert audit(good, TERM, RATE).ok
    assert audit(lambda scale: good(scale)[:2], TERM, RATE).ok
    assert issubclass(InputError, ShrinkageError)
    assert issubclass(ShrinkageError, ValueError)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(arrays(), "dict"), (None, "NoneType"), ((arrays(),), "tuple"), ((1, 2, 3, 4), "tuple")],
)
def test_a_step_that_returns_no_pair(answer: Any, kind: str) -> None:
    words = (kind, "(before, after, gradients)", "return two or three mappings")
    refused(lambda scale: answer, *words)  # noqa: ARG005


@pytest.mark.parametrize(("place", "word"), list(enumerate(["before", "after", "gradients"])))
@pytest.mark.parametrize("other", [[1.0], {}, None], ids=["list", "empty", "none"])
def test_what_is_no_mapping(place: int, word: str, other: Any) -> None:
    def change(_: float, run: tuple) -> tuple:
        return tuple(other if number == place else one for number, one in enumerate(run))

    refused(changed(change), f"{word} as a mapping", "return for example")


@pytest.mark.parametrize("other", [[[1.0, 2.0], [3.0, 4.0]], 1.0, "dense", None])
def test_what_is_no_array(other: Any) -> None:
    def change(_: float, run: tuple) -> tuple:
        return run[0], run[1] | {"dense": other}, run[2]

    refused(changed(change), "after['dense']", type(other).__name__, "numpy.asarray")


def test_other_names_in_a_later_call() -> None:
    def change(scale: float, run: tuple) -> tuple:
        if scale < 2:
            return run
        return tuple({("Dense" if k == "dense" else k): v for k, v in one.items()} for one in run)

    refused(changed(change), "dense", "scale 2", "did you mean Dense?")


@pytest.mark.parametrize("place", [0, 1])
def test_other_names_before_and_after(place: int) -> None:
    def change(_: float, run: tuple) -> tuple:
        less = [dict(one) for one in run]
        del less[place]["bias"]
        return less[0], less[1]

    refused(changed(change), "bias", "scale 0", "the same names")


@pytest.mark.parametrize("place", [1, 2])
@pytest.mark.parametrize("at", [0.0, 1.0, 2.0])
def test_another_shape(place: int, at: float) -> None:
    def change(scale: float, run: tuple) -> tuple:
        if scale == at:
            run[place]["dense"] = run[place]["dense"][:1]
        return run

    words = ("dense", "(2, 2)", "(1, 2)", f"scale {at:g}", "return the same array each time")
    refused(changed(change), *words)


def test_another_shape_of_everything_in_a_later_call() -> None:
    def change(scale: float, run: tuple) -> tuple:
        return tuple({"dense": one["dense"][:, :1]} for one in run) if scale == 1 else run

    refused(changed(change), "scale 1")


def test_a_gradient_of_an_unknown_name() -> None:
    def change(_: float, run: tuple) -> tuple:
        return run[0], run[1], run[2] | {"W3": run[2]["dense"]}

    refused(changed(change), "W3", "gradients")


def test_a_gradient_may_be_absent() -> None:
    def change(_: float, run: tuple) -> tuple:
        return run[0], run[1], {"dense": run[2]["dense"]}

    assert audit(changed(change), TERM, RATE).ok


def test_gradients_in_one_call_only() -> None:
    words = ("gradients in every call or in none", "the same number of mappings")
    refused(changed(lambda scale, run: run if scale else run[:2]), "scale 1", *words)
    refused(changed(lambda scale, run: run[:2] if scale == 2 else run), "scale 2", *words)


def test_another_start_in_a_later_call() -> None:
    """The classic: the step goes on from where the last one ended."""
    weights = arrays()

    def step(scale: float) -> tuple[dict, dict]:
        before = {name: w.copy() for name, w in weights.items()}
        weights["dense"] -= RATE * (1 + scale * 0.01 * weights["dense"])
        return before, {name: w.copy() for name, w in weights.items()}

    refused(step, "the same start", "dense", "scale 1", "give back the weights")


def test_complex_numbers_and_objects() -> None:
    for kind in (complex, object, "U4"):
        step = changed(
            lambda _, run, kind=kind: (run[0], {k: v.astype(kind) for k, v in run[1].items()})
        )
        refused(step, "real numbers", "dense", "return the weights only")


def test_strengths_of_zero_only() -> None:
    for terms in (0.0 * L2(), 0 * L1() + 0 * L2()):
        refused(good, "a strength above 0", "nothing to look for", terms=terms)
    assert audit(good, 0.0 * L1() + TERM, RATE).ok


@pytest.mark.parametrize("rate", [0, -0.1, math.nan, math.inf, "fast", None, [0.1, 0.2]])
def test_a_bad_learning_rate(rate: Any) -> None:
    refused(good, "learning_rate", "above 0", repr(rate), "step size", rate=rate)


def test_a_learning_rate_by_name() -> None:
    assert audit(good, TERM, {"dense": RATE}).ok  # bias is not penalised
    refused(good, "dense", "did you mean Dense?", rate={"Dense": RATE})
    refused(good, "dense", "one for every penalised array", rate={"bias": RATE})
    refused(good, "dense", "one for every penalised array", rate={})
    refused(good, "learning_rate['dense']", "step size", rate={"dense": -1.0})


def test_a_pattern_that_matches_nothing_and_an_unknown_update() -> None:
    with pytest.raises(UnmatchedPattern, match="W7"):
        audit(good, TERM.on("W7"), RATE)
    with pytest.raises(InputError, match="decoupled"):
        audit(good, TERM, RATE, "decoupld")
