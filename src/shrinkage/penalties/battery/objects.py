"""Promises about the object and its arrays: frozen, dtype kept, nothing written to."""

from __future__ import annotations

import dataclasses

import numpy as np

from shrinkage.penalties.battery.comparing import STEP, close, same_bits
from shrinkage.penalties.battery.subjects import Subject


def frozen(subject: Subject) -> None:
    """The object is immutable and hashable, equals its copy, and names itself."""
    penalty = subject.penalty
    name = getattr(type(penalty), "name", "")
    assert isinstance(name, str), f"expected a class attribute `name`, got {name!r}"
    assert name, "expected a class attribute `name`, got none"
    parameters = getattr(type(penalty), "__dataclass_params__", None)
    assert getattr(parameters, "frozen", False), "expected @dataclass(frozen=True), got without"
    copy = dataclasses.replace(penalty)
    assert copy == penalty, f"expected a copy to be equal, got {copy!r} for {penalty!r}"
    assert hash(copy) == hash(penalty), "expected a copy to have the same hash"


def input_untouched(subject: Subject) -> None:
    """No method writes to its arguments, and arrays that come back are new."""
    rng, space, penalty = subject.rng(), subject.namespace, subject.penalty
    for step in (STEP, 0.0):
        w = space.make(subject.weights(rng), "float64")
        steps = space.make(np.full(subject.shape, step), "float64")
        before, before_steps = space.read(w), space.read(steps)
        outputs = {
            "gradient": penalty.gradient(w),
            "prox": penalty.prox(w, step),
            "prox with a step per weight": penalty.prox(w, steps),
        }
        penalty.value(w)
        penalty.critical_strength(w)
        same_bits(space.read(w), before, "the weights after all calls")
        same_bits(space.read(steps), before_steps, "the steps after all calls")
        for what, got in outputs.items():
            alias = got is w or space.shares_memory(got, w)
            assert not alias, f"{what}: expected a new array, got one that shares the weights'"


def dtype_kept(subject: Subject) -> None:
    """Results have the dtype of the weights, also with steps of another, and agree with float64."""
    rng, space, penalty = subject.rng(), subject.namespace, subject.penalty
    w, own = subject.weights(rng, 2), np.array([0.125, 0.5])
    per_weight = 2.0 ** rng.integers(-4, 1, w.shape)
    tolerances = {"bfloat16": 0.04, "float16": 0.01, "float32": 1e-5, "float64": 1e-12}
    for dtype in space.dtypes:
        x = space.make(w, dtype)
        exact = space.read(x)
        results = {
            "value": (penalty.value(x, 1), subject.value(exact, 1)),
            "gradient": (penalty.gradient(x, 1), subject.gradient(exact, 1)),
            "critical strength": (
                penalty.critical_strength(x, 1),
                subject.critical_strength(exact, 1),
            ),
            "prox, Python step": (penalty.prox(x, 0.25, 1), subject.prox(exact, 0.25, 1)),
            "prox, NumPy step": (
                penalty.prox(x, np.float64(0.25), 1),
                subject.prox(exact, 0.25, 1),
            ),
            "prox, a step per model": (
                penalty.prox(x, subject.native(own), 1),
                subject.prox(exact, own, 1),
            ),
            "prox, a step per weight": (
                penalty.prox(x, subject.native(per_weight), 1),
                subject.prox(exact, per_weight, 1),
            ),
        }
        for what, (got, expected) in results.items():
            kept = space.dtype_of(got)
            assert kept == dtype, f"{what}: expected {dtype} for {dtype} weights, got {kept}"
            close(space.read(got), expected, f"{what} in {dtype}", tolerances[dtype])


def extreme_magnitudes(subject: Subject) -> None:
    """Weights of 1e±200 give no NaN, and a finite gradient and prox."""
    w = subject.weights(subject.rng())
    for scale in (1e200, 1e-200):
        value = subject.value(scale * w)
        assert not np.isnan(value), f"expected a value at weights of {scale}, got {value}"
        for step in (
            STEP,
            np.full(subject.shape, STEP) * np.arange(1, w.size + 1).reshape(w.shape),
        ):
            u = subject.prox(scale * w, step)
            assert np.isfinite(u).all(), f"weights of {scale}: expected a finite prox, got {u}"
            assert (np.abs(u) <= np.abs(scale * w)).all(), f"weights of {scale} grew to {u}"
        g = subject.gradient(scale * w)
        assert np.isfinite(g).all(), f"weights of {scale}: expected a finite gradient, got {g}"
        critical = subject.critical_strength(scale * w)
        once = float(subject.critical_strength(w))
        close(critical / scale, once, f"the critical strength at {scale}", tolerance=1e-9)


def parts_add_up(subject: Subject) -> None:
    """The weighted parts sum to the penalty, are elementary, and smooth ones are told."""
    w = subject.weights(subject.rng())
    pairs = [
        (weight, dataclasses.replace(subject, penalty=part))
        for weight, part in subject.penalty.parts()
    ]
    total = sum(weight * part.value(w) for weight, part in pairs)
    close(total, subject.value(w), "the sum of the parts' values")
    slope = sum(weight * part.gradient(w) for weight, part in pairs)
    close(slope, subject.gradient(w), "the sum of the parts' gradients")
    for _, part in pairs:
        own = part.penalty.parts()
        assert own == ((1.0, part.penalty),), f"expected an elementary part, got {part.penalty!r}"
