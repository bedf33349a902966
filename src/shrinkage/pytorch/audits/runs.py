"""Training steps from one start, on the copy.

Who uses this: `audit`. The run without the terms stays (weights and gradients); one with them is
looked at parameter by parameter while it stands, so that a network is never held more than twice
beside its gradients.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

import torch

from shrinkage.audits.decays import MeasuredDecay, OwnDecay
from shrinkage.pytorch.audits.adaptivity import reshapes
from shrinkage.pytorch.audits.glance import are_equal
from shrinkage.pytorch.audits.outputs import Outputs
from shrinkage.pytorch.audits.replays import Stand, own_decays, step_bare
from shrinkage.pytorch.audits.step_call import StepCall, seeded
from shrinkage.pytorch.audits.surroundings import Surroundings
from shrinkage.pytorch.audits.taken_back import TAKEN, is_multiple, kept_share, pushes
from shrinkage.pytorch.audits.thinned import Thinned
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.audits.watch import Watch
from shrinkage.pytorch.optimizers import UNKNOWN, facts_of

_FAINT = 2.0**-40  # of the data's gradient: nothing beside a penalty's, and no zero
_FAR = 2.0**10  # times that: more is no rest of it


class Runs:
    """Runs of one step on a twin; `decays` is what its optimizer does with its own decay.

    `adapts` says whether it divides a gradient by the size of gradients.

    Args:
        twin: the copy.
        call: the caller's training step.
        surroundings: gives back what the step closes over.
    """

    def __init__(self, twin: Twin, call: StepCall, surroundings: Surroundings) -> None:
        self.twin, self._call, self._surroundings = twin, call, surroundings
        self.seed = call.seed
        self.held_back: frozenset[str] = frozenset()  # where attached terms waited, in any run
        self.overwritten: set[str] = set()  # of whose step nothing is left at any strength
        self._leaves_gradients = False  # whether no run writes on what backward has made
        self.kept: dict[str, float] = {}  # what a loop keeps of a step, where it takes some back
        self.stepped_with: dict[str, torch.Tensor] = {}  # … in the last run with the terms
        self.multiplied: dict[str, float] = {}  # by what a loop multiplies weights behind the step
        self.stepped: dict[str, torch.Tensor] = {}  # where the optimizer's step ended without terms
        stepped, self.outputs = self.stepped, Outputs(twin.model)
        with self._behind_step(lambda: stepped.update(_copies(twin.parameters))):
            self.zero = self._taken(0.0, outputs=self.outputs)
        self._leaves_gradients = self.zero.leaves_gradients
        self.after_zero = {
            name: stepped[name] if name in stepped and are_equal(stepped[name], w) else _copy(w)
            for name, w in self.twin.parameters.items()
        }
        self.ends = dict(self.after_zero)  # … with what the loop does behind that
        self._measure_kept()
        self.stand: Stand = Thinned(twin) if Thinned.can_stand_for(twin) else twin
        self._try_bare_step()
        self._measure_decays()
        with seeded(call.seed):
            self.adapts = _adapts(twin, self.zero)

    def run(self, scale: float, *, decays: bool = True, attached: bool = True) -> Watch:
        """Take one step from the start, with all strengths times `scale`; the twin stands after.

        Args:
            scale: multiplies the terms and, where it stays, the optimizer's own decay.
            decays: whether that stays.
            attached: whether attached terms keep their strengths.
        """
        with self._behind_step(self._note_stepped):
            watch = self._taken(scale, decays=decays, attached=attached)
            if self.twin.decays_are_news:
                self._measure_decays()
                watch = self._taken(scale, decays=decays, attached=attached)
        self.held_back |= self.twin.held_back()
        return watch

    def _note_stepped(self) -> None:
        """Keep weights between the optimizer's step and a loop that moves them farther."""
        weights = self.twin.parameters
        self.stepped_with = {name: _copy(weights[name]) for name in self.moved_behind}

    @cached_property
    def moved_behind(self) -> tuple[str, ...]:
        """The parameters that the loop moves behind the step, otherwise than by a share of it."""
        moved = [name for name, w in self.stepped.items() if not are_equal(w, self.ends[name])]
        return tuple(name for name in moved if name not in self.kept | self.multiplied)

    @property
    def decays_alone(self) -> bool:
        """Whether the optimizer's own decay, as it was built with, is all that strengths reach."""
        twin, kept = self.twin, self.kept or self.overwritten
        plain = not (twin.their_attachment or twin.decays_are_set or kept or self.held_back)
        return plain and not self.may_scale

    @property
    def may_scale(self) -> bool:
        """Whether the step may multiply anything by the scale that it is called with."""
        return self._call.may_scale

    def from_zeros(self, scale: float) -> Watch:
        """Take a step from parameters of zeros as they are; the twin stands after."""
        self._surroundings.restore()
        self.twin.reset(scale, zeros=True)
        return self._call(self.twin, scale)

    def goes_by(self, also: Callable[[], float]) -> bool:
        """Return whether a step ends elsewhere where its closure returns more than it does."""
        self.run(1.0)
        ends = _copies(self.twin.parameters)
        self._taken(1.0, also)
        return any(not are_equal(ends[n], tensor) for n, tensor in self.twin.parameters.items())

    def around_outputs(self, cut: str) -> Mapping[str, tuple[torch.Tensor, ...]] | None:
        """Return gradients of a step without terms in which outputs pass none on; None of none.

        Of each parameter as backward has made it, where that is not 0, and as the step has it.

        Args:
            cut: which outputs, as `Outputs` has it.
        """
        found: dict[str, tuple[torch.Tensor, ...]] = {}
        for left in (0.0, _FAINT):
            self._surroundings.restore()
            self.twin.reset(0.0)
            try:
                outputs = Outputs(self.twin.model, cut, left)
                watch = self._call(self.twin, 0.0, outputs=outputs)
            except Exception:  # whatever a loop raises that has no gradients
                return None
            made = {name: self._first_made(name, watch) for name in self.twin.parameters}
            for name in self.twin.parameters:
                stepped = made[name] if watch.asked_again else self.gradient(name, watch)
                both = [g for g in (made[name], stepped) if g is not None]
                if len(both) == 2 and not both[1].isfinite().all():
                    both.pop()  # the loop divides it by its norm
                found[name] = tuple(g for g in both if self._is_more(name, g, left))
            if all(g is None or g.isfinite().all() for g in made.values()):
                break
        return found

    @staticmethod
    def _first_made(name: str, watch: Watch) -> torch.Tensor | None:
        """Return the gradient at the start, of a step that asks for several."""
        places = watch.places.of(name) if watch.asked_again else ()
        return places[0].gradient / watch.loss_scale if places else watch.gradients.made(name)

    def _is_more(self, name: str, gradient: torch.Tensor, left: float) -> bool:
        """Return whether a gradient is more than what is left of the data's."""
        data = self.gradient(name, self.zero) if left else None
        most = 0.0 if data is None else float(data.abs().max())
        return not float(gradient.abs().max()) <= _FAR * left * most  # or no number

    def led_by(self, watch: Watch) -> Watch:
        """Return a run without the terms that goes the way of another one."""
        self._surroundings.restore()
        self.twin.reset(0.0)
        return self._call.led_by(self.twin, watch)

    def _taken(
        self,
        scale: float,
        also: Callable[[], float] | None = None,
        *,
        decays: bool = True,
        attached: bool = True,
        outputs: Outputs | None = None,
    ) -> Watch:
        self._surroundings.restore()
        self.twin.reset(scale, decays=decays, attached=attached)
        lends = self._leaves_gradients
        watch = self._call(self.twin, scale, also, lends=lends, outputs=outputs)
        if watch.gradients.is_spoilt:
            self._leaves_gradients = False
            return self._taken(scale, also, decays=decays, attached=attached)
        with torch.no_grad():
            for name, share in self.kept.items():
                w = self.twin.parameters[name]
                w.copy_(self.after_zero[name] + (w - self.ends[name]) / share)
        self.overwritten = {n for n in self.overwritten if not self._has_left(n)}
        return watch

    def _has_left(self, name: str) -> bool:
        """Return whether a parameter stands elsewhere than behind the run without the terms."""
        return not are_equal(self.twin.parameters[name], self.after_zero[name])

    @contextlib.contextmanager
    def _behind_step(self, call: Callable[[], None]) -> Iterator[None]:
        before, self.twin.behind_step = self.twin.behind_step, call
        try:
            yield
        finally:
            self.twin.behind_step = before

    def _measure_kept(self) -> None:
        """Measure what the loop takes back of a step, and judge weights as if it took nothing."""
        ends, stepped = self.ends, self.stepped
        moved = {name: w for name, w in stepped.items() if w is not ends[name]}
        if not moved or self.zero.asked_again:
            return
        pushed = pushes(moved)

        def push() -> None:
            for name, by in pushed.items():
                self.twin.parameters[name].add_(by)

        with self._behind_step(push):
            self._taken(0.0)
        for name, by in pushed.items():
            change = self.twin.parameters[name].detach() - ends[name]
            if name in self.twin.held and not change.any():
                self.overwritten.add(name)
            share = kept_share(change, by, ends[name])
            if share is None:
                continue
            if is_multiple(ends[name], stepped[name], share):
                self.multiplied[name] = share
            if share < TAKEN:
                self.kept[name] = share
                self.after_zero[name] = stepped[name]

    def _measure_decays(self) -> None:
        self.decays: dict[str, MeasuredDecay] = own_decays(
            self.twin, self.stand, self.zero, self._call.seed
        )
        self.twin.decays_are_news = False

    def _try_bare_step(self) -> None:
        """Find out whether the optimizer can step with gradients alone: some need their graph."""
        try:
            if self.zero.replayable and self.stand is self.twin:
                self.unexplained.keys()
            elif self.zero.replayable:
                self.stand.reset(0.0, bare=True)
                step_bare(self.stand, self.zero, {})
        except Exception:  # whatever an optimizer raises that misses something
            self.zero.replayable = self.twin.steps_bare = False

    def repeats(self) -> str | None:
        """Return the name of a parameter that a second run without the terms left elsewhere."""
        self.run(0.0)
        for name, tensor in self.twin.parameters.items():
            first, second = self.after_zero[name].double(), tensor.detach().double()
            bound = 8 * torch.finfo(tensor.dtype).eps * (first.abs() + second.abs())
            if not bool(((first - second).abs() <= bound).all()) and bool(first.isfinite().all()):
                return name
        return None

    def gradients_from(self, factors: Mapping[str, float]) -> Mapping[str, torch.Tensor | None]:
        """Return the gradients of the data where some parameters are multiplied by factors."""
        self._surroundings.restore()
        self.twin.reset(0.0)
        with torch.no_grad():
            for name, factor in factors.items():
                self.twin.parameters[name].mul_(factor)
        watch = self._call(self.twin, 0.0)
        return {name: self.gradient(name, watch) for name in self.twin.parameters}

    def loss_from(self, factors: Mapping[str, float]) -> float | None:
        """Return the loss of the data where some parameters are multiplied by factors."""
        self._surroundings.restore()
        self.twin.reset(0.0)
        with torch.no_grad():
            for name, factor in factors.items():
                self.twin.parameters[name].mul_(factor)
        return self._call.first_loss(self.twin)

    @cached_property
    def unexplained(self) -> dict[str, torch.Tensor]:
        """How far the run without terms ended from where the bare optimizer does, where it did.

        A second optimizer, or a clamp of the weights, is nothing that the terms have done.
        """
        self.twin.reset(0.0, bare=True)
        with seeded(self._call.seed):
            step_bare(self.twin, self.zero, {})
        ends = ((name, self.after_zero[name], w) for name, w in self.twin.parameters.items())
        return {name: after - bare for name, after, bare in ends if not are_equal(after, bare)}

    def moves(self, name: str) -> bool:
        """Return whether the run without terms moved a parameter, whoever did it."""
        return not are_equal(self.twin.start[name], self.after_zero[name])

    def rate(self, name: str, watch: Watch) -> float:
        """Return a parameter's learning rate; outside of the optimizer the one that it has for all.

        A loop may train copies of its parameters, in another dtype, and copy them back.
        """
        if name in watch.rates or not self.moves(name):
            return watch.rates.get(name, 0.0)
        rates = {self.twin.rate_in(group) for group in self.twin.optimizer.param_groups}
        return rates.pop() if len(rates) == 1 else 0.0

    def joining(self, name: str, watch: Watch) -> tuple[float, float]:
        """Return what the optimizer adds to a run's gradient, in units of w, and its error."""
        decay = self.decays.get(name)
        if decay is None or decay.rule is not OwnDecay.COUPLED:
            return 0.0, 0.0
        return decay.factor * watch.decays[name], decay.error * watch.decays[name]

    def gradient(self, name: str, watch: Watch) -> torch.Tensor | None:
        """Return the gradient of what the optimizer minimizes, in a run."""
        gradient = watch.gradients.of_loss(
            name, None if watch is self.zero else self.zero.gradients
        )
        return -gradient if gradient is not None and self.goes_upwards(name) else gradient

    def goes_upwards(self, name: str) -> bool:
        """Return whether the optimizer maximizes by a parameter."""
        group = self.twin.group_of(name)
        return group is not None and bool(group.get("maximize", False))


def _copies(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: _copy(tensor) for name, tensor in tensors.items()}


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().clone()


def _adapts(twin: Twin, watch: Watch) -> bool:
    facts = facts_of(twin.optimizer)
    return reshapes(twin, watch) if facts is UNKNOWN else facts.adapts
