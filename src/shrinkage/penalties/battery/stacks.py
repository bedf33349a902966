"""Promises about many models in one array: each is as if alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from shrinkage.penalties.battery.subject import STEP, Subject


def _one_at_a_time(w: np.ndarray, stacked: int, call: Callable[..., Any], *also: Any) -> Any:
    """Return what `call` gives for each model and the model's share of `also`, stacked again."""
    lead = w.shape[:stacked]
    single = [
        np.asarray(call(w[index], *(extra[index] for extra in also))) for index in np.ndindex(lead)
    ]
    return np.stack(single).reshape((*lead, *single[0].shape))


def stacked_is_one_at_a_time(subject: Subject) -> None:
    """Stacked models give what each gives alone, with equal zeros."""
    rng = subject.rng()
    for lead in ((3,), (2, 2)):
        k = len(lead)
        w = subject.weights(rng, *lead)
        own = rng.uniform(0.1, 1.0, lead)
        per_weight = subject.steps(10 ** rng.uniform(-1.5, 0.5, w.shape), k)
        even = np.full(lead, STEP)
        every: dict[str, tuple[Any, Callable[..., Any], tuple[Any, ...]]] = {
            "value": (subject.value(w, k), subject.value, ()),
            "gradient": (subject.gradient(w, k), subject.gradient, ()),
            "critical strength": (subject.critical_strength(w, k), subject.critical_strength, ()),
            "prox": (subject.prox(w, STEP, k), subject.prox, (even,)),
            "prox, a step per model": (subject.prox(w, own, k), subject.prox, (own,)),
            "prox, a step per weight": (
                subject.prox(w, per_weight, k),
                subject.prox,
                (per_weight,),
            ),
        }
        for what, (together, alone, also) in every.items():
            apart = _one_at_a_time(w, k, alone, *also)
            where = f"the {what} of {lead} stacked models"
            subject.expect_close(together, apart, where)
            same_zeros = np.array_equal(together == 0, apart == 0)
            subject.expect(same_zeros, f"the zeros in {where}", apart == 0, together == 0)


def nan_stays_in_its_model(subject: Subject) -> None:
    """A NaN or infinity in one model shows there and changes no bit of another.

    A weight that has run to infinity is no zero after the prox.
    """
    rng = subject.rng()
    w, own = subject.weights(rng, 3), np.array([0.1, STEP, 0.7])
    per_weight = subject.steps(10 ** rng.uniform(-1.5, 0.5, w.shape), 1)
    for poison, place in ((math.nan, 0), (math.inf, 0), (math.inf, -1)):
        bad = w.copy()
        bad[1].flat[place] = poison
        calls: dict[str, Callable[[np.ndarray], np.ndarray]] = {
            "value": lambda x: subject.value(x, 1),
            "gradient": lambda x: subject.gradient(x, 1),
            "critical strength": lambda x: subject.critical_strength(x, 1),
            "prox": lambda x: subject.prox(x, own, 1),
            "prox with a step per weight": lambda x: subject.prox(x, per_weight, 1),
        }
        for what, call in calls.items():
            good, hurt = call(w), call(bad)
            others = f"the {what} of models beside one with {poison}"
            subject.expect_bits(hurt[[0, 2]], good[[0, 2]], others)
            if math.isnan(poison):
                nan_stays = np.isnan(hurt[1].flat[0])
                subject.expect(nan_stays, f"the {what} of a model with NaN", "NaN", hurt[1])
            elif what.startswith("prox"):
                shows = not np.isfinite(hurt[1].flat[place])
                subject.expect(shows, f"the {what} of an infinite weight", "inf or NaN", hurt[1])
