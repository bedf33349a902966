"""The gradients of one run: as backward has made them, and as the optimizer has stepped with them.

Who uses this: `Watch`, which fills it in, and who measures. What lies between the two is undone
where it is a loss scale or clipping, and kept where it is a penalty that the loop adds to the
gradients itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from shrinkage.pytorch.audits.between import is_whole
from shrinkage.pytorch.audits.glance import are_equal, has_nonzero, some
from shrinkage.pytorch.audits.scaled import dense, is_clamped, ratio_of, rounding_of

SEEN = 1 << 16  # weights that are compared with what they were
_SAME = 1e-6


class Gradients:
    """The gradients of a run by the names of their parameters.

    Args:
        lends: keep them as they lie, not copies: nothing writes on them, or `is_spoilt`.
    """

    def __init__(self, *, lends: bool = False) -> None:
        self.clip = 1.0  # by how much all of them were scaled between backward and step
        self.scaled_by = 1.0  # what they are to be divided by: the loss scale until unscale_
        self.fused = False  # whether the optimizer undoes the loss scale itself
        self._made: dict[str, torch.Tensor] = {}
        self._bent: dict[str, torch.Tensor] = {}  # used, where they are more than scaled
        self._clamped: dict[str, torch.Tensor] = {}  # … or by numbers of their own
        self._stepped: set[str] = set()  # those of the optimizer's groups
        self._lends = lends
        self._lent: dict[str, tuple[int, torch.Tensor]] = {}  # version and some numbers as lent
        self._written = False  # whether one of them was changed before the step
        self._alike: tuple[Gradients, bool] | None = None  # whether made as another run's are

    def __bool__(self) -> bool:
        """Return whether a parameter had a gradient, made by backward or set."""
        return bool(self._made or self._bent)

    def __contains__(self, name: str) -> bool:
        """Return whether backward has made the gradient of a parameter."""
        return name in self._made

    def keep(self, name: str, gradient: torch.Tensor) -> torch.Tensor:
        """Return a gradient as backward has made it: a copy, or itself where it is lent."""
        if not self._lends or gradient.is_sparse:
            return dense(gradient).clone()
        self._written |= name in self._lent  # a second backward pass adds to it
        self._lent[name] = gradient._version, some(gradient, SEEN).clone()
        return gradient.detach()

    def make(self, name: str, gradient: torch.Tensor) -> None:
        """Note what backward has made, as it was kept."""
        self._made[name] = gradient

    def as_made(self, name: str) -> torch.Tensor | None:
        """Return what was noted, in whatever units it was made."""
        return self._made.get(name)

    def step(self, name: str) -> None:
        """Note that the optimizer steps a parameter."""
        self._stepped.add(name)

    def clear(self) -> None:
        """Give the memory of all of them back."""
        for kept in (self._made, self._bent, self._clamped):
            kept.clear()

    @property
    def are_bent(self) -> bool:
        """Whether the optimizer has stepped with more than multiples of one factor."""
        return bool(self._bent or self._clamped)

    @property
    def are_more(self) -> bool:
        """Whether it has stepped with more than multiples."""
        return bool(self._bent)

    @property
    def factor(self) -> float:
        """What makes the gradient of a step of that of backward, loss scale undone."""
        return self.clip if not self.fused else self.clip / self.scaled_by

    @property
    def is_spoilt(self) -> bool:
        """Whether something has written on a gradient that was kept as it lay."""
        return self._written or any(
            not torch.equal(some(self._made[name], SEEN), seen)
            for name, (_, seen) in self._lent.items()
        )

    def are_left(self, now: Mapping[str, torch.Tensor]) -> bool:
        """Return whether the parameters have those that backward has made."""
        left = {name: now[name].grad for name in self._made}
        return all(g is not None and are_equal(g, self._made[n]) for n, g in left.items())

    def reshapes(self, name: str) -> bool:
        """Return whether the loop makes more than a multiple of the gradient of a parameter."""
        return name in self._made and (name in self._bent or name in self._clamped)

    def of_loss(self, name: str, zero: Gradients | None = None) -> torch.Tensor | None:
        """Return a parameter's gradient in the units of the loss, before clipping.

        Args:
            name: of the parameter.
            zero: of the run without terms; a penalty that was added after clipping is told by it.
        """
        made, used = self._made.get(name), self._bent.get(name, self._clamped.get(name))
        scaled_by = self.scaled_by
        if used is None:
            return self.made(name)
        if made is None:
            return used
        if zero is not None and self._are_made_as(zero):  # it was added behind whatever scales
            data = zero.of_loss(name)
            assert data is not None
            return data + (used - zero._stepped_with(name))
        if name in self._clamped:
            return made / scaled_by
        added = used - self.clip * made
        same = zero is None or abs(zero.clip - self.clip) <= _SAME * abs(self.clip)
        return made / scaled_by + (added if same else added / (self.clip * scaled_by))

    def _are_made_as(self, zero: Gradients) -> bool:
        """Return whether backward has made the gradients of the run without terms."""
        if self._alike is None or self._alike[0] is not zero:
            alike = self._made.keys() == zero._made.keys() and all(
                torch.equal(made, zero._made[name]) for name, made in self._made.items()
            )
            self._alike = zero, alike
        return self._alike[1]

    def _stepped_with(self, name: str) -> torch.Tensor:
        """Return the gradient that the step was given, as it was."""
        used = self._bent.get(name, self._clamped.get(name))
        return self._made[name] * self.clip if used is None else used

    def made(self, name: str) -> torch.Tensor | None:
        """Return the gradient that backward has made, in the units of the loss."""
        made = self._made.get(name)
        return made if made is None or self.scaled_by == 1 else made / self.scaled_by

    def has_used(self, name: str) -> bool:
        """Return whether the optimizer stepped with a gradient of a parameter."""
        own = name in self._bent or name in self._clamped
        return own or (name in self._made and name in self._stepped)

    def used_norm(self, name: str) -> float:
        """Return the norm of the gradient that the optimizer stepped with."""
        used = self._bent.get(name, self._clamped.get(name))
        if used is not None:
            return float(used.norm())
        return float(self._made[name].norm()) * self.factor

    def used(
        self, name: str, pick: Callable[[torch.Tensor], torch.Tensor] = torch.Tensor.detach
    ) -> torch.Tensor | None:
        """Return the gradient that the optimizer stepped with, loss scale undone.

        Args:
            name: of the parameter.
            pick: takes the numbers of it that are asked for; all unless told.
        """
        used = self._bent.get(name, self._clamped.get(name))
        if used is not None:
            return pick(used).clone()
        made = self._made.get(name)
        if made is None or name not in self._stepped:
            return None
        return pick(made) * self.factor

    def take_division(self) -> None:
        """Count gradients as divided where a loop has divided them by a whole number.

        As it undoes a loss scale of its own, or makes the sum over micro-batches a mean. The
        factor of a clipping is no such number, but by chance.
        """
        divisor = round(1 / self.clip) if self.clip > 0 else 1
        if divisor > 1 and is_whole(1 / self.clip):
            self._made = {name: made / divisor for name, made in self._made.items()}
            self.scaled_by = 1.0 if divisor == self.scaled_by else self.scaled_by
            self.clip = 1.0

    def unscale(self, now: Mapping[str, torch.Tensor]) -> None:
        """Take those of the parameters, which are in the units of the loss from here on."""
        for name in self._made | self._bent:
            gradient = now[name].grad
            if gradient is None or name in self._clamped:
                made = self.made(name)
            else:
                made = dense(gradient) / self.clip
            if made is not None:
                self._made[name] = made
        self._bent.clear()
        self._clamped.clear()
        self.clip = self.scaled_by = 1.0

    def compare(self, now: Mapping[str, torch.Tensor]) -> None:
        """Find the factor between the gradients of backward and those that the step is to take.

        Args:
            now: those of the parameters that it moves.
        """
        self._bent.clear()
        self._clamped.clear()
        ratios: dict[str, float] = {}
        others: list[str] = []
        for name, used in now.items():
            made = self._made.get(name)
            if made is not None and name in self._lent:
                self._written |= made._version != self._lent[name][0]
            if made is None:
                others.append(name)
            elif made.data_ptr() != used.data_ptr() and not are_equal(made, used):
                ratio = ratio_of(made, used)
                if ratio is None:
                    others.append(name)
                else:
                    ratios[name] = ratio
            elif has_nonzero(made):
                ratios[name] = 1.0
        self.clip = sorted(ratios.values())[len(ratios) // 2] if ratios else 1.0
        for name, ratio in ratios.items():
            if abs(ratio - self.clip) > rounding_of(now[name]) * abs(self.clip):
                self._clamped[name] = now[name].clone()  # scaled by a number of its own
        for name in others:
            clamped = name in self._made and is_clamped(self._made[name], now[name])
            (self._clamped if clamped else self._bent)[name] = now[name].clone()
