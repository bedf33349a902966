"""Variables of an optimizer that are in no file: a saved model loads without this package.

Who uses this: what terms have to remember from step to step, which JAX carries in variables of the
optimizer only. A loaded run gets anew what its steps so far tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shrinkage.keras.arrays import number

_FILES = ("save_own_variables", "load_own_variables")


class Unsaved:
    """The variables of one optimizer that its files leave out; `of` makes or finds it.

    Args:
        optimizer: a Keras optimizer.

    >>> import keras
    >>> optimizer = keras.optimizers.SGD()
    >>> Unsaved.of(optimizer) is Unsaved.of(optimizer)
    True
    """

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        self._own: list[tuple[Any, Callable[[], None]]] = []
        self._save, self._load = (getattr(optimizer, name) for name in _FILES)
        vars(optimizer).update(zip(_FILES, (self.save, self.load), strict=True))

    @classmethod
    def of(cls, optimizer: Any) -> Unsaved:
        """Return that of an optimizer."""
        known = getattr(vars(optimizer).get(_FILES[0]), "__self__", None)
        return known if isinstance(known, cls) else cls(optimizer)

    def add(self, shape: tuple[int, ...], dtype: str, name: str, settle: Callable[[], None]) -> Any:
        """Return a new variable of zeros; `settle` sets it when another run has been loaded."""
        variable = self._optimizer.add_variable(shape, dtype=dtype, name=name)
        self._own.append((variable, settle))
        return variable

    def remove(self, variable: Any) -> None:
        """Take a variable out of the optimizer."""
        self._own = [own for own in self._own if own[0] is not variable]
        self._optimizer._untrack_variable(variable)
        if not self._own:
            for name in _FILES:
                vars(self._optimizer).pop(name)

    def save(self, store: Any) -> None:
        """Save the optimizer's own variables."""
        self._without(self._save, store)

    def load(self, store: Any) -> None:
        """Load the optimizer's own variables; those that are not in the file follow from them."""
        before = self._steps()
        self._without(self._load, store)
        if self._steps() != before:  # another run's
            for _, settle in self._own:
                settle()

    def _without(self, act: Callable[[Any], None], store: Any) -> None:
        variables, own = self._optimizer._variables, {id(variable) for variable, _ in self._own}
        places = [place for place, variable in enumerate(variables) if id(variable) in own]
        hidden = [(place, variables[place]) for place in places]
        for place in reversed(places):
            del variables[place]
        try:
            act(store)
        finally:
            for place, variable in hidden:
                variables.insert(place, variable)

    def _steps(self) -> int:
        return int(number(self._optimizer.iterations))
