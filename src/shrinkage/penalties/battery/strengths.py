"""Promises about penalties whose shape depends on the strength."""

from __future__ import annotations

import dataclasses

import numpy as np

from shrinkage.penalties.battery.subject import STEP, Subject

STRENGTHS = np.array([0.1, 1.0, 4.0])


def at_strength(subject: Subject) -> None:
    """at(strength) is a shape, not a factor: Ω at every strength, or Ω_s(w) = s·Ω_1(w/s).

    So a knee is at γ·strength, ∂Ω near 0 stays what it is, and the last strength counts.
    """
    penalty = subject.penalty
    shaped = {s: dataclasses.replace(subject, penalty=penalty.at(float(s))) for s in STRENGTHS}
    w = subject.weights(subject.rng())
    fixed = all(np.array_equal(other.value(w), subject.value(w)) for other in shaped.values())
    for s, other in shaped.items():
        subject.expect(
            type(other.penalty) is type(penalty),
            "the type of at(strength)",
            type(penalty).__name__,
            type(other.penalty).__name__,
        )
        again = dataclasses.replace(subject, penalty=penalty.at(7.0).at(float(s)))
        subject.expect_close(again.value(w), other.value(w), f"Ω of at(7.0).at({s})")
        if not fixed:
            scaled = s * shaped[1.0].value(w / s)
            subject.expect_close(other.value(w), scaled, f"Ω at strength {s}, as s·Ω_1(w/s)")


def at_stacked_strengths(subject: Subject) -> None:
    """at(one strength per model) gives each model what it gets alone at its own strength."""
    rng, space = subject.rng(), subject.namespace
    w = subject.weights(rng, len(STRENGTHS))
    per_weight = subject.steps(10 ** rng.uniform(-1.5, 0.5, w.shape), 1)
    together = subject.penalty.at(subject.native(STRENGTHS))
    x, steps = subject.native(w), subject.native(per_weight)
    stacked = {
        "value": together.value(x, 1),
        "gradient": together.gradient(x, 1),
        "critical strength": together.critical_strength(x, 1),
        "prox": together.prox(x, STEP, 1),
        "prox with a step per weight": together.prox(x, steps, 1),
    }
    for k, strength in enumerate(STRENGTHS):
        alone = dataclasses.replace(subject, penalty=subject.penalty.at(float(strength)))
        expected = {
            "value": alone.value(w[k]),
            "gradient": alone.gradient(w[k]),
            "critical strength": alone.critical_strength(w[k]),
            "prox": alone.prox(w[k], STEP),
            "prox with a step per weight": alone.prox(w[k], per_weight[k]),
        }
        for what, array in stacked.items():
            got = space.read(array)[k]
            subject.expect_close(got, expected[what], f"the {what} of model {k} at {strength}")
