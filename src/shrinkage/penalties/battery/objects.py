"""Promises about the object and its arrays: frozen, dtype kept, nothing written to."""

from __future__ import annotations

import dataclasses

import numpy as np

from shrinkage.errors import InputError
from shrinkage.penalties.battery.subject import STEP, Subject


def frozen(subject: Subject) -> None:
    """The object is immutable and hashable, equals its copy, and names itself."""
    penalty = subject.penalty
    name = getattr(type(penalty), "name", "")
    subject.expect(
        isinstance(name, str) and name, "the class attribute `name`", "a word", repr(name)
    )
    parameters = getattr(type(penalty), "__dataclass_params__", None)
    frozen_dataclass = getattr(parameters, "frozen", False)
    subject.expect(frozen_dataclass, "the class", "@dataclass(frozen=True)", "without")
    copy = dataclasses.replace(penalty)
    subject.expect(copy == penalty, "a copy", f"one equal to {penalty!r}", repr(copy))
    subject.expect(hash(copy) == hash(penalty), "the hash of a copy", hash(penalty), hash(copy))


def input_untouched(subject: Subject) -> None:
    """No method writes to its arguments, and arrays that come back are new."""
    rng, space, penalty = subject.rng(), subject.namespace, subject.penalty
    for step in (STEP, 0.0):
        w = space.make(subject.weights(rng), "float64")
        steps = space.make(subject.steps(np.full(subject.shape, step)), "float64")
        before, before_steps = space.read(w), space.read(steps)
        outputs = {
            "gradient": penalty.gradient(w),
            "prox": penalty.prox(w, step),
            "prox with a step per weight": penalty.prox(w, steps),
        }
        penalty.value(w)
        penalty.critical_strength(w)
        subject.expect_bits(space.read(w), before, "the weights after all calls")
        subject.expect_bits(space.read(steps), before_steps, "the steps after all calls")
        for what, output in outputs.items():
            alias = output is w or space.shares_memory(output, w)
            subject.expect(not alias, what, "a new array", "one in the memory of the weights")


def empty_arrays(subject: Subject) -> None:
    """An array without weights costs nothing and keeps its shape, where its axes are taken."""
    for axis, _ in enumerate(subject.shape):
        shape = (*subject.shape[:axis], 0, *subject.shape[axis + 1 :])
        w = np.zeros(shape)
        try:
            value, critical = subject.value(w), subject.critical_strength(w)
            others = subject.gradient(w), subject.prox(w, STEP)
        except InputError:
            continue
        subject.expect_close(value, 0.0, f"Ω of shape {shape}")
        subject.expect_close(critical, 0.0, f"its critical strength at {shape}")
        for got in others:
            subject.expect(got.shape == shape, f"∂Ω and prox at {shape}", shape, got.shape)


def dtype_kept(subject: Subject) -> None:
    """Results have the dtype of the weights, also with steps of another, and agree with float64."""
    rng, space, penalty = subject.rng(), subject.namespace, subject.penalty
    w, own = subject.weights(rng, 2), np.array([0.125, 0.5])
    per_weight = subject.steps(2.0 ** rng.integers(-4, 1, w.shape), 1)
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
        for what, (result, expected) in results.items():
            own_dtype = space.dtype_of(result)
            subject.expect(own_dtype == dtype, f"the dtype of the {what}", dtype, own_dtype)
            got = space.read(result)
            subject.expect_close(got, expected, f"the {what} in {dtype}", tolerances[dtype])


def extreme_magnitudes(subject: Subject) -> None:
    """Weights of 1e±200 give no NaN, and a finite gradient and prox."""
    w = subject.weights(subject.rng())
    for scale in (1e200, 1e-200):
        value = subject.value(scale * w)
        subject.expect(not np.isnan(value), f"Ω at weights of {scale}", "no NaN", value)
        rising = np.full(subject.shape, STEP) * np.arange(1, w.size + 1).reshape(w.shape)
        for step in (STEP, subject.steps(rising)):
            u = subject.prox(scale * w, step)
            what = f"the prox of weights of {scale}"
            subject.expect(np.isfinite(u).all(), what, "finite weights", u)
            sizes = np.abs(u), np.abs(scale * w)
            if subject.penalty.has_price or not subject.penalty.diagonal:
                # single weights may grow, the whole, in the metric of the steps, may not
                unit = scale * np.sqrt(step)
                sizes = np.linalg.norm(u / unit) * (1 - 1e-12), np.linalg.norm(scale * w / unit)
            subject.expect(np.all(sizes[0] <= sizes[1]), what, "smaller weights", u)
        g = subject.gradient(scale * w)
        subject.expect(np.isfinite(g).all(), f"∂Ω at weights of {scale}", "finite numbers", g)
        critical = subject.critical_strength(scale * w)
        once = float(subject.critical_strength(w))
        subject.expect_close(critical / scale, once, f"the critical strength at {scale}", 1e-9)


def parts_add_up(subject: Subject) -> None:
    """The weighted parts sum to the penalty and are elementary."""
    w = subject.weights(subject.rng())
    pairs = [
        (weight, dataclasses.replace(subject, penalty=part))
        for weight, part in subject.penalty.parts()
    ]
    total = sum(weight * part.value(w) for weight, part in pairs)
    subject.expect_close(total, subject.value(w), "the sum of the parts' values")
    total = sum(weight * part.gradient(w) for weight, part in pairs)
    subject.expect_close(total, subject.gradient(w), "the sum of the parts' gradients")
    for _, part in pairs:
        own = part.penalty.parts()
        elementary = ((1.0, part.penalty),)
        subject.expect(own == elementary, f"the parts of {part.penalty!r}", elementary, own)
