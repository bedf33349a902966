"""What the first epoch of `fit` shows: whether the optimizer with the terms takes its steps.

Who uses this: the attachment, which gives `fit` one more callback. A model that keeps optimizers of
its own (as a GAN does) never asks the one that it was compiled with, and terms there do nothing.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import keras

from shrinkage.keras.arrays import number
from shrinkage.keras.optimizers import inner_optimizer, optimizers_of
from shrinkage.keras.regularizers import Regularizer
from shrinkage.parameters.keras_layers import owned

FirstEpoch = Callable[[dict[str, Any]], bool]


class FirstEpochWatch(keras.callbacks.Callback):
    """Warn at the end of the first epoch of layers' regularizers that no loss has asked for.

    `regularize` puts one into `fit` by itself. Where a model has nothing but `regularizer` in its
    layers, and a `train_step` of its own, give it to `fit(callbacks=[FirstEpochWatch()])`.

    Args:
        check: called with the optimizers that the model holds and that have moved in the epoch, by
            their names; returns whether it was the last time.
    """

    def __init__(self, check: FirstEpoch = lambda _: True) -> None:
        super().__init__()
        self._check, self._ended = check, False
        self._before: dict[str, tuple[float, ...]] = {}
        self._asked: dict[str, int] = {}

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Have the train function traced anew: one that has been asks for nothing any more."""
        model: Any = self.model
        if not self._ended and any(True for _ in _regularizers(model)):
            model.make_train_function(force=True)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Note how many steps each optimizer has taken, and how often losses were asked for."""
        if not self._ended:
            self._asked = {name: own.asked for name, own in _regularizers(self.model)}
            held = optimizers_of(self.model)
            self._before = {name: _counts(own) for name, own in held.items()}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Check, the first time, and again while steps are collected or skipped."""
        if not self._ended:
            self._warn_of_losses()
            moved = {
                name: own
                for name, own in optimizers_of(self.model).items()
                if _counts(own) != self._before.get(name, ())
            }
            self._ended = self._check(moved)

    def _warn_of_losses(self) -> None:
        """Say so where no step has asked for the penalties of the layers' regularizers."""
        idle = [n for n, own in _regularizers(self.model) if own.asked == self._asked.get(n)]
        if idle:
            warnings.warn(
                f"the layers' regularizers were in no loss of the first epoch "
                f"({', '.join(idle[:3])}{', …' if len(idle) > 3 else ''}): add sum(self.losses) "
                "to the loss in train_step",
                UserWarning,
                stacklevel=2,
            )


class WatchedFit:
    """The `fit` of one model with more callbacks; `watch` puts it on the model."""

    def __init__(self, fit: Callable[..., Any]) -> None:
        self.fit = fit
        self.callbacks: list[Any] = []
        self.running = 0
        names = list(inspect.signature(fit).parameters)
        self._place = names.index("callbacks") if "callbacks" in names else None

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Fit, with the callbacks of the caller first."""
        if self._place is not None and len(args) > self._place:
            place = self._place
            args = (*args[:place], self._with_own(args[place]), *args[place + 1 :])
        else:
            options["callbacks"] = self._with_own(options.get("callbacks"))
        self.running += 1
        try:
            return self.fit(*args, **options)
        finally:
            self.running -= 1

    def _with_own(self, callbacks: Any) -> Any:
        if isinstance(callbacks, keras.callbacks.CallbackList):
            for own in self.callbacks:
                own.set_model(callbacks.model)
                callbacks.callbacks.append(own)
            return callbacks
        listed = callbacks if isinstance(callbacks, list | tuple) else [callbacks]
        return [*(own for own in listed if own is not None), *self.callbacks]


def watch(model: Any, callback: Any) -> None:
    """Give every `fit` of a model one more callback."""
    fit = vars(model).get("fit")
    if not isinstance(fit, WatchedFit):
        fit = vars(model)["fit"] = WatchedFit(model.fit)  # not by assignment, which Keras tracks
    fit.callbacks.append(callback)


def is_fitting(model: Any) -> bool:
    """Return whether `fit` of a watched model is under way."""
    fit = vars(model).get("fit")
    return isinstance(fit, WatchedFit) and fit.running > 0


def unwatch(model: Any, callback: Any) -> None:
    """Take a callback out of `fit` again."""
    fit = vars(model).get("fit")
    if isinstance(fit, WatchedFit) and callback in fit.callbacks:
        fit.callbacks.remove(callback)
        if not fit.callbacks:
            del vars(model)["fit"]


def _regularizers(model: Any) -> Iterator[tuple[str, Regularizer]]:
    for name, _, variable in owned(model):
        if variable.trainable and isinstance(variable.regularizer, Regularizer):
            yield name, variable.regularizer


def _counts(optimizer: Any) -> tuple[float, ...]:
    """Return what a batch changes, be its gradient collected or its step skipped on overflow."""
    inner = inner_optimizer(optimizer)
    counted = [inner._iterations]
    if inner is not optimizer and optimizer.built:
        counted += [optimizer.step_counter, optimizer.dynamic_scale]
    return tuple(number(variable) for variable in counted)
