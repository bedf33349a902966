"""The audit's verdict on the own decay of other people's optimizers, against plain code.

Every optimizer class of torch, timm and pytorch_optimizer, and every one of optax and Keras, that
can be built with a weight decay and stepped on a CPU. The truth is measured here without the
library: eight steps with given gradients at decay 0, 0.1 and 1, in float64, and what the second and
third do beside the first. The verdict is that of `audit` on a small network, with terms=None, or of
`own_decay` for optax and Keras. Printed: counts by truth, every verdict that differs, and what the
packages store and do not use.

`python benchmarks/audit_optimizers.py [package …]`; packages that are not installed are left out.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import logging
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")  # Keras and JAX read these when they are imported
os.environ.setdefault("JAX_ENABLE_X64", "1")

import numpy as np
import torch
from recording import define_operators_of_torchvision, write_result
from torch import nn

from shrinkage.errors import InputError
from shrinkage.pytorch import audit

RATE, STEPS, DECAYS = 0.01, 8, (0.1, 1.0)
LIMIT = 0.05  # the share of verdicts that may be "cannot-judge"
PACKAGES = ("torch", "optax", "keras", "timm", "pytorch_optimizer", "schedulefree")
Make = Callable[[list[nn.Parameter], float], Any]


def classes_of(package: str) -> dict[str, type]:
    """Return the optimizer classes that a package shows, and those its factories bind."""
    if package == "timm":
        return _of_timm()
    module = importlib.import_module({"torch": "torch.optim"}.get(package, package))
    named = {name: getattr(module, name) for name in dir(module)}
    return {
        name: kind
        for name, kind in named.items()
        if isinstance(kind, type)
        and issubclass(kind, torch.optim.Optimizer)
        and kind is not torch.optim.Optimizer
    }


def _of_timm() -> dict[str, Any]:
    """Return timm's optimizers by the names of its factory."""
    define_operators_of_torchvision()
    factory = importlib.import_module("timm.optim")
    kinds = {}
    for name in factory.list_optimizers():
        with contextlib.suppress(ImportError, AssertionError, TypeError, ValueError):
            kinds[name] = factory.get_optimizer_class(name, bind_defaults=True)
    return kinds


def maker(kind: Any) -> Make | None:
    """Return what builds an optimizer with a decay, None where nothing does."""
    attempts: tuple[dict[str, Any], ...] = (
        {"lr": RATE},
        {"lr": RATE, "momentum": 0.9},
        {"lr": RATE, "num_iterations": 100},
        {"lr": RATE, "num_data": 100},
        {},
    )
    for options in attempts:
        with contextlib.suppress(Exception):
            kind([nn.Parameter(torch.ones(4, 3))], weight_decay=0.1, **options)
            return lambda parameters, decay, options=options: kind(
                parameters, weight_decay=decay, **options
            )
    return None


def walk(make: Make, decay: float, joined: float = 0.0, seed: int = 0) -> list[torch.Tensor]:
    """Return the weights along eight steps with given gradients."""
    random = torch.Generator().manual_seed(0)
    torch.manual_seed(seed)
    shapes = ((8, 6), (5, 8))
    weights = [
        nn.Parameter(0.3 * torch.randn(s, generator=random, dtype=torch.float64)) for s in shapes
    ]
    gradients = [
        [0.1 * torch.randn(s, generator=random, dtype=torch.float64) for s in shapes]
        for _ in range(STEPS)
    ]
    optimizer = built(make, weights, decay)
    visited = [weights[0].detach().clone()]
    for now in gradients:
        for w, gradient in zip(weights, now, strict=True):
            w.grad = gradient + joined * w.detach()
        step(optimizer, lambda: torch.tensor(1.0))
        visited.append(weights[0].detach().clone())
    return visited


def built(make: Make, parameters: list[nn.Parameter], decay: float) -> Any:
    """Return an optimizer that trains: schedule-free ones have to be told."""
    optimizer = make(parameters, decay)
    if hasattr(optimizer, "train"):
        optimizer.train()
    return optimizer


def step(optimizer: Any, closure: Callable[[], Any]) -> None:
    """Step, with a closure where the optimizer wants one."""
    asked = inspect.signature(optimizer.step).parameters.get("closure")
    if asked is not None and asked.default is inspect.Parameter.empty:
        optimizer.step(closure)
    else:
        optimizer.step()


def truth_in_torch(make: Make) -> tuple[str, float]:
    """Return how a decay acts on the first of two weights."""
    plain = walk(make, 0.0)
    decays = [walk(make, 0.1, seed=n)[1] - walk(make, 0.0, seed=n)[1] for n in (0, 1)]
    if not torch.allclose(*decays, rtol=1e-6, atol=0):
        return "random", 0.0
    rate = make([nn.Parameter(torch.ones(4, 3))], 0.0).param_groups[0].get("lr") or 1.0
    return truth(partial(walk, make), plain, rate)


def truth(walk: Callable[..., list[Any]], plain: list[Any], rate: float) -> tuple[str, float]:
    """Return how a decay acts, by plain code: none, coupled, decoupled, late, factor, other."""
    ratios = []
    for decay in DECAYS:
        own, joined = walk(decay), walk(0.0, joined=decay)
        if all(torch.equal(a, b) for a, b in zip(own, plain, strict=True)):
            ratios.append(("none", 0.0))
            continue
        moved = own[-1] - plain[-1]
        first = own[1] - plain[1]
        both = (first + rate * decay * plain[0]).norm() <= 1e-4 * first.norm()
        middle = own[STEPS // 2]  # where SGDP has not projected yet, both are one step
        one = both and (middle - joined[STEPS // 2]).norm() <= 1e-4 * (middle - plain[0]).norm()
        if one or (own[-1] - joined[-1]).norm() <= 1e-4 * moved.norm():
            ratios.append(("either" if one else "coupled", 1.0))
            continue
        steps = [
            torch.equal(own[t] - own[t - 1], plain[t] - plain[t - 1]) for t in range(1, STEPS + 1)
        ]
        if any(steps):
            ratios.append(("late", 0.0))
            continue
        w, after = plain[0], plain[1]
        shrink = rate * decay
        late = (own[-1] - own[-2]) - (plain[-1] - plain[-2])
        drift = float((late * own[-2]).sum() / (own[-2] ** 2).sum()) / -shrink
        for about in (w, after, after / (1 + shrink)):
            factor = float((first * about).sum() / (about * about).sum()) / -shrink
            if (first + factor * shrink * about).norm() <= 1e-4 * first.norm():
                lasts = 0.5 * factor <= drift <= 2 * factor
                one = abs(factor - 1) < 0.01 and lasts
                ratios.append(("decoupled" if one else "factor" if lasts else "other", factor))
                break
        else:
            ratios.append(("other", 0.0))
    kinds = {kind for kind, _ in ratios}
    if kinds <= {"none", "late"} and "late" in kinds:
        return "late", 0.0
    if kinds == {"either", "decoupled"}:
        return "decoupled", 1.0
    return ratios[-1] if len(kinds) == 1 else ("other", 0.0)


def start_and_gradients(dtype: str) -> tuple[np.ndarray, list[np.ndarray]]:
    random = np.random.default_rng(0)
    start = random.normal(size=(8, 6)).astype(dtype)
    return start, [random.normal(size=start.shape).astype(dtype) for _ in range(STEPS)]


def walk_in_optax(make: Any, decay: float, joined: float = 0.0) -> list[torch.Tensor]:
    """Return the weights along eight steps of a transformation."""
    import jax.numpy as jnp
    import optax

    start, gradients = start_and_gradients("float64")
    params = {"w": jnp.asarray(start)}
    transformation = make(decay, RATE)
    state, visited = transformation.init(params), [torch.tensor(start).double()]
    for gradient in gradients:
        along = {"w": jnp.asarray(gradient) + joined * params["w"]}
        updates, state = transformation.update(along, state, params)
        params = optax.apply_updates(params, updates)
        visited.append(torch.tensor(np.array(params["w"])).double())
    return visited


def walk_in_keras(make: Any, decay: float, joined: float = 0.0) -> list[torch.Tensor]:
    """Return the weights along eight steps of a Keras optimizer, on torch."""
    import keras

    start, gradients = start_and_gradients("float32")
    w, optimizer = keras.Variable(start), make(decay)
    visited = [torch.tensor(start).double()]
    for gradient in gradients:
        optimizer.apply([torch.tensor(gradient) + joined * w.value.detach()], [w])
        visited.append(w.value.detach().double().clone())
    return visited


def of_optax() -> Iterator[tuple[str, Any, Any]]:
    """Yield name, plain walk and what `own_decay` says, for each function with a decay."""
    import optax
    import optax.contrib

    from shrinkage.optax import own_decay

    for module in (optax, optax.contrib):
        for name in dir(module):
            function = getattr(module, name)
            if not inspect.isfunction(function):
                continue
            options = inspect.signature(function).parameters
            if "weight_decay" not in options or "learning_rate" not in options:
                continue

            def make(decay: float, rate: float, function: Any = function) -> Any:
                return function(learning_rate=rate, weight_decay=decay)

            yield name, partial(walk_in_optax, make), partial(own_decay, make, learning_rate=RATE)


def of_keras() -> Iterator[tuple[str, Any, Any]]:
    """Yield name, plain walk and what `own_decay` says, for each optimizer class of Keras."""
    import keras

    from shrinkage.keras import own_decay

    for name in dir(keras.optimizers):
        kind = getattr(keras.optimizers, name)
        if not isinstance(kind, type) or "weight_decay" not in inspect.signature(kind).parameters:
            continue

        def make(decay: float, kind: Any = kind) -> Any:
            return kind(learning_rate=RATE, weight_decay=decay)

        yield name, partial(walk_in_keras, make), lambda make=make: own_decay(make(0.1))


def judged_by_own_decay(package: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, truth and verdict for optax and Keras."""
    for name, walk, measured in {"optax": of_optax, "keras": of_keras}[package]():
        try:
            plain = walk(0.0)
            true, factor = truth(walk, plain, RATE)
        except Exception as error:
            print(f"{package}.{name}: not stepped: {type(error).__name__}", file=sys.stderr)
            continue
        said = measured()["matrix"].rule
        word = {"unknown": "cannot-judge"}.get(said.name.lower(), said.name.lower())
        yield f"{package}.{name}", f"{true} {factor:.3g}" if true == "factor" else true, word


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8, bias=False), nn.Tanh(), nn.Linear(8, 5, bias=False))


def training_step(model: Any, optimizer: Any, batch: Any) -> None:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    step(optimizer, lambda: loss.detach())


def verdict(make: Make) -> str:
    """Return what the audit says of a fresh optimizer."""
    model = network()
    generator = torch.Generator().manual_seed(1)
    batch = torch.randn(32, 6, generator=generator), torch.randint(0, 5, (32,), generator=generator)
    optimizer = built(make, list(model.parameters()), 0.1)
    report = audit(model, optimizer, training_step, batch)
    if "no-effect" in report.rules:
        return "none"
    if "cannot-judge" in report.rules:
        return "cannot-judge"
    if report.update is not None:
        return {"gradient": "coupled"}.get(report.update, report.update)
    words = {seen.mechanism for seen in report.seen}
    return "+".join(sorted(words)) + ("" if report.ok else f" ({', '.join(report.rules)})")


AGREES = {
    "none": ("none",),
    "coupled": ("coupled",),
    "either": ("coupled", "decoupled"),  # plain gradient descent: the two are one step
    "decoupled": ("decoupled", "corrected"),
    "late": ("intermittent",),
    "random": ("intermittent", "masked", "scaled"),  # it draws which weights move, and how far
    "factor": ("scaled", "independent", "corrected"),
    "other": ("masked", "rescaled", "scaled", "independent", "corrected", "intermittent"),
}


def judged(package: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, truth and verdict of every optimizer of a package."""
    for name, kind in classes_of(package).items():
        make = maker(kind)
        if make is None:
            continue
        try:
            true, factor = truth_in_torch(make)
        except Exception as error:
            print(f"{package}.{name}: not stepped: {type(error).__name__}", file=sys.stderr)
            continue
        try:
            said = verdict(make)
        except InputError as error:
            no_setting = "expected terms, or weight_decay" in str(error)
            said = "none" if no_setting else f"refused: {str(error)[:90]}"
        except Exception as error:
            said = f"crash: {type(error).__name__}: {str(error)[:60]}"
        yield f"{package}.{name}", f"{true} {factor:.3g}" if true == "factor" else true, said


def main(packages: list[str]) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    counts: Counter[str] = Counter()
    table = []
    for package in packages:
        try:
            by_rule = package in ("optax", "keras")
            rows = list((judged_by_own_decay if by_rule else judged)(package))
        except ImportError as error:
            print(f"{package}: not installed ({error})")
            continue
        for name, true, said in rows:
            words = set(said.split("+"))
            right = words <= set(AGREES[true.split()[0]])
            outcome = "right" if right else said if said == "cannot-judge" else "wrong"
            counts[outcome] += 1
            table.append((name, true, said, outcome))
            if outcome != "right":
                print(f"{name}: is {true}, said {said}")
    total = sum(counts.values())
    print(f"{total} optimizers: {dict(counts)}; unjudged {counts['cannot-judge'] / total:.1%}")
    print("store a decay that they do not use:", [n for n, true, *_ in table if true == "none"])
    write_result("audit_optimizers", {"counts": dict(counts), "optimizers": table})


if __name__ == "__main__":
    main(sys.argv[1:] or list(PACKAGES))
