"""What cannot be right is refused, and the message says what to do."""

from __future__ import annotations

import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from shrinkage import L1, L2
from shrinkage.errors import InputError, OverlapError, UnmatchedPattern, UnsupportedOptimizer
from shrinkage.optax import (
    AdamMetric,
    RMSpropMetric,
    SGDMetric,
    decoupled,
    describe,
    gradient,
    named_leaves,
    penalty_loss,
    proximal,
    table,
)
from shrinkage.penalties import NuclearNorm, Rank

PARAMS = {"layer": {"kernel": jnp.ones((3, 2)), "bias": jnp.ones(2)}}
GRADIENTS = jax.tree.map(jnp.ones_like, PARAMS)
TERMS = 0.1 * L1()


@pytest.mark.parametrize(
    "optimizer",
    [
        proximal(optax.adam(0.1), TERMS, 0.1),
        decoupled(TERMS, 0.1),
        gradient(TERMS),
        optax.chain(optax.adam(0.1), decoupled(TERMS, 0.1)),
    ],
)
def test_no_parameters(optimizer):
    state = optimizer.init(PARAMS)
    with pytest.raises(InputError, match=r"expected the parameters, got none: call optimizer"):
        optimizer.update(GRADIENTS, state)


REFUSED = {
    "lion": (optax.lion(0.1), r"ScaleByLionState, which moves each weight by a sign"),
    "adadelta": (optax.adadelta(0.1), r"ScaleByAdaDeltaState, which has a metric that is not"),
    "adabelief": (optax.adabelief(0.1), r"ScaleByBeliefState.*put decoupled\(terms"),
    "lbfgs": (optax.lbfgs(0.1), r"ScaleByLBFGSState, which moves by a full matrix.*in value_fn"),
    "noisy": (optax.noisy_sgd(0.1, key=0), r"AddNoiseState"),
    "polyak": (optax.polyak_sgd(), r"asks for more \(.*value.*gradient\(terms\) first"),
    "adan": (optax.adan(0.1), r"ScaleByAdanState"),
    "two": (optax.chain(optax.adam(0.1), optax.adam(0.1)), "ScaleByAdamState with ScaleByAdam"),
    "momentum-first": (
        optax.chain(optax.trace(0.9), optax.scale_by_adam(), optax.scale(-0.1)),
        "TraceState with ScaleByAdamState",
    ),
    "momentum-after-adam": (
        optax.chain(optax.adam(0.1), optax.trace(0.9)),
        "ScaleByAdamState with TraceState",
    ),
    "multi-steps": (
        optax.MultiSteps(optax.adam(0.1), 2).gradient_transformation(),
        r"MultiStepsState, which collects.*wrap the other way round",
    ),
    "schedule-free": (
        optax.contrib.schedule_free_adamw(0.1),
        r"ScheduleFreeState, which keeps two sets of weights.*: put gradient\(terms\) first",
    ),
    "if-finite": (optax.apply_if_finite(optax.adam(0.1), 2), "ApplyIfFiniteState.*other way round"),
    "zero-nans": (
        optax.chain(optax.zero_nans(), optax.adam(0.1)),
        r"ZeroNansState.*before: optax\.chain\(optax\.zero_nans\(\), proximal\(…\)\)",
    ),
    "plateau": (
        optax.chain(optax.adam(0.1), optax.contrib.reduce_on_plateau()),
        r"ReduceLROnPlateauState.*optax\.inject_hyperparams and set its learning rate",
    ),
    "partition": (
        optax.partition({"a": optax.adam(0.1)}, {"layer": "a"}),
        r"PartitionState.*a proximal\(…\) of its own",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_optimizers_without_a_metric_are_refused_by_name(name):
    inner, words = REFUSED[name]
    with pytest.raises(UnsupportedOptimizer, match=words):
        proximal(inner, TERMS, 0.1).init(PARAMS)


OTHERWISE: dict[str, tuple[Any, Any]] = {
    "rate": (optax.adam(0.2), None),
    "schedule": (optax.sgd(lambda count: 0.1 / (1 + count)), None),
    "epsilon": (optax.adam(0.1, eps=1e-6), None),
    "epsilon-under-root": (optax.adam(0.1, eps_root=1e-8), None),
    "b2": (optax.adam(0.1, b2=0.99), None),
    "b2-said-wrongly": (optax.adam(0.1), AdamMetric(b2=0.99)),
    "momentum": (optax.sgd(0.1, momentum=0.9), SGDMetric(momentum=0.8)),
    "nesterov": (optax.sgd(0.1, momentum=0.9, nesterov=True), SGDMetric(momentum=0.9)),
    "nadam": (optax.nadam(0.1), None),
    "rmsprop-epsilon": (optax.rmsprop(0.1, eps_in_sqrt=False), None),
    "adagrad-epsilon": (optax.adagrad(0.1, eps=1e-1), None),
    "sign": (optax.sign_sgd(0.1), None),
    "normalized": (optax.chain(optax.normalize_by_update_norm(), optax.sgd(0.1)), None),
    "trust-ratio": (optax.lamb(0.1), None),
    "clipped-inside": (optax.chain(optax.clip(1e-5), optax.sgd(0.1)), None),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_an_optimizer_that_moves_otherwise_than_said_is_found_out(name):
    inner, metric = OTHERWISE[name]
    with pytest.raises(UnsupportedOptimizer, match=r"expected the optimizer to move layer\.kernel"):
        proximal(inner, TERMS, 0.1, metric=metric).init(PARAMS)


@pytest.mark.parametrize(
    ("inner", "metric"),
    [
        (optax.adam(0.1, eps=1e-6, b2=0.99, eps_root=1e-8), AdamMetric(0.99, 1e-6, 1e-8)),
        (optax.rmsprop(0.1, eps_in_sqrt=False), RMSpropMetric(eps_in_sqrt=False)),
        (optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1)), None),
        (optax.named_chain(("a", optax.scale_by_adam()), ("b", optax.scale(-0.1))), None),
        (optax.adamw(0.1, weight_decay=0.0, mask=lambda p: jax.tree.map(jnp.ndim, p)), None),
    ],
)
def test_one_that_moves_as_said_is_not(inner, metric):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        proximal(inner, TERMS, 0.1, metric=metric).init(PARAMS)


def test_a_momentum_or_a_metric_that_is_not_said():
    with pytest.raises(InputError, match=r"give for example metric=SGDMetric\(momentum=0\.9\)"):
        proximal(optax.sgd(0.1, momentum=0.9), TERMS, 0.1).init(PARAMS)
    with pytest.raises(InputError, match=r"optimizer's state is of, SGDMetric\(…\), got Adam"):
        proximal(optax.sgd(0.1), TERMS, 0.1, metric=AdamMetric()).init(PARAMS)


@pytest.mark.parametrize("rate", [0.0, -0.1, math.nan, math.inf, "0.1", True, jnp.ones(2)])
def test_learning_rates_that_are_none(rate):
    with pytest.raises(InputError, match="expected learning_rate as a finite number"):
        proximal(optax.sgd(0.1), TERMS, rate)
    with pytest.raises(InputError, match="expected learning_rate as a finite number"):
        decoupled(TERMS, rate)


def test_a_learning_rate_that_nobody_tells():
    with pytest.raises(InputError, match="expected a learning rate, got none, and none is inject"):
        proximal(optax.adam(0.1), TERMS).init(PARAMS)
    with pytest.raises(InputError, match="expected a learning rate, got none"):
        decoupled(TERMS, None)


def test_strengths_patterns_and_sums():
    for strength in (math.nan, -1.0, math.inf):
        with pytest.raises(InputError, match="expected a strength as a finite number"):
            proximal(optax.sgd(0.1), strength * L1(), 0.1)
    for made in (
        proximal(optax.sgd(0.1), TERMS.on("layer.kernl"), 0.1),
        decoupled(TERMS.on("layer.kernl"), 0.1),
        gradient(TERMS.on("layer.kernl")),
    ):
        with pytest.raises(UnmatchedPattern, match=r"did you mean layer\.kernel"):
            made.init(PARAMS)
    around = (0.1 * L1()).around({"layer.kernel": jnp.ones((3, 2))}) + 0.1 * L1()
    with pytest.raises(OverlapError, match="around different references"):
        proximal(optax.sgd(0.1), around, 0.1).init(PARAMS)


def test_updates_that_cannot_be_done_here():
    with pytest.raises(InputError, match=r"add penalty_loss\(params, terms\) to the loss"):
        proximal(optax.sgd(0.1), TERMS, 0.1, update="loss")
    with pytest.raises(InputError, match=r"wrap the optimizer, proximal\(optimizer"):
        decoupled(TERMS.with_update("proximal"), 0.1)
    with pytest.raises(InputError, match=r"put decoupled\(terms, learning_rate\) last"):
        gradient((0.1 * L2()).with_update("decoupled"))
    with pytest.raises(InputError, match="expected an update of"):
        proximal(optax.sgd(0.1), TERMS, 0.1, update="proximl")


def test_trees_without_parameters_and_trees_that_differ():
    with pytest.raises(InputError, match="expected a tree with floating arrays, got dict"):
        describe({"steps": jnp.arange(3)})
    with pytest.raises(InputError, match="expected a tree with floating arrays"):
        table({}, TERMS)
    with pytest.raises(InputError, match="expected a tree with floating arrays"):
        proximal(optax.sgd(0.1), TERMS, 0.1).init({"steps": jnp.arange(3)})
    optimizer = optax.chain(decoupled(TERMS, 0.1))
    with pytest.raises(InputError, match=r"expected an update of every penalised.*layer\.kernel"):
        optimizer.update({"layer": {"bias": jnp.ones(2)}}, optimizer.init(PARAMS), PARAMS)


COLLIDING = {"a": {"w": jnp.ones((2, 2))}, "a.w": jnp.ones((2, 2))}


@pytest.mark.parametrize(
    "use",
    [
        describe,
        lambda params: table(params, TERMS),
        lambda params: penalty_loss(params, TERMS),
        proximal(optax.sgd(0.1), TERMS, 0.1).init,
        decoupled(TERMS, 0.1).init,
        gradient(TERMS).init,
    ],
)
def test_two_arrays_of_one_name(use):
    with pytest.raises(InputError, match=r"a name of its own, got two named 'a\.w' .*: rename"):
        use(COLLIDING)


@pytest.mark.parametrize("inner", [optax.adam, 0.1, None, "adam", SGDMetric(), PARAMS])
def test_optimizers_that_are_none(inner):
    with pytest.raises(InputError, match=r"expected an optimizer of optax.*proximal\(optax\.adam"):
        proximal(inner, TERMS, 0.1)


def test_an_optimizer_of_flax_goes_around():
    model = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
    with pytest.raises(InputError, match=r"got Optimizer: .* put an nnx\.Optimizer around"):
        proximal(nnx.Optimizer(model, optax.adam(0.1), wrt=nnx.Param), TERMS, 0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "use",
    [
        lambda layout: describe(PARAMS, layout),
        lambda layout: table(PARAMS, TERMS, layout=layout),
        lambda layout: penalty_loss(PARAMS, TERMS, layout=layout),
        lambda layout: proximal(optax.sgd(0.1), TERMS, 0.1, layout=layout),
        lambda layout: decoupled(TERMS, 0.1, layout=layout),
        lambda layout: gradient(TERMS, layout=layout),
    ],
)
def test_a_layout_by_its_name(use):
    with pytest.raises(InputError, match=r"a function of ParameterInfo, got 'in_out': give in_out"):
        use("in_out")


def test_a_reference_that_is_a_tree():
    with pytest.raises(InputError, match=r"by full name.*under 'layer': give around\(named_leaves"):
        table(PARAMS, TERMS.around(PARAMS))
    around = TERMS.around(named_leaves(PARAMS))
    assert "around a reference" in str(table(PARAMS, around))
    assert float(penalty_loss(PARAMS, around)) == 0.0


def test_a_penalised_parameter_that_the_optimizer_masks():
    inner = optax.masked(optax.adam(0.1), {"layer": {"kernel": False, "bias": True}})
    with pytest.raises(InputError, match=r"to hold layer\.kernel.*put optax\.masked around"):
        proximal(inner, TERMS, 0.1).init(PARAMS)


@pytest.mark.parametrize("penalty", [NuclearNorm(), Rank()])
def test_one_step_for_all_weights_is_refused_of_adam_before_any_step(penalty):
    params = {"kernel": jnp.ones((3, 4))}
    proximal(optax.sgd(0.1), 1.0 * penalty, 0.1).init(params)
    with pytest.raises(UnsupportedOptimizer, match="moves all weights by one step size"):
        proximal(optax.adam(0.1), 1.0 * penalty, 0.1).init(params)


def test_one_vector_of_all_parameters_is_no_mask():
    ours = proximal(optax.flatten(optax.adam(0.1)), 0.1 * L1(), 0.1)
    with pytest.raises(InputError, match=r"in one vector, as optax\.flatten makes it: leave"):
        ours.init({"kernel": jnp.ones((3, 2))})


def test_a_chain_takes_terms_behind_one_vector():
    ours = optax.chain(optax.flatten(optax.adam(0.1)), decoupled(0.1 * L1(), 0.1))
    params = {"kernel": jnp.ones((3, 2))}
    updates, _ = ours.update(jax.tree.map(jnp.zeros_like, params), ours.init(params), params)
    assert np.allclose(updates["kernel"], -0.01)
