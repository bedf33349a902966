"""One count over layers: the best of all supports in the metric, in training, in a stack."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from shrinkage import L1, Cardinality, GlobalCardinality, GroupLasso
from shrinkage.errors import InputError
from shrinkage.penalties import OnSomeUnits, Units
from shrinkage.terms import Part

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(7)
FIRST, SECOND = RNG.standard_normal((2, 3)), 3 * RNG.standard_normal(4)
STEPS = (10 ** RNG.uniform(-2, 0, (2, 3)), 10 ** RNG.uniform(-2, 0, 4))


def by_exhaustion(keep: int, least: int) -> np.ndarray:
    """Return the support of `keep` of the ten weights that loses the least Σ w²/step."""
    w, step = (np.concatenate([a.ravel(), b]) for a, b in ((FIRST, SECOND), STEPS))
    best, lowest = np.zeros(10, bool), np.inf
    for chosen in itertools.combinations(range(10), keep):
        stays = np.isin(np.arange(10), chosen)
        if min(stays[:6].sum(), stays[6:].sum()) >= least:
            lost = (w**2 / step)[~stays].sum()
            best, lowest = (stays, lost) if lost < lowest else (best, lowest)
    return best


@pytest.mark.parametrize(("keep", "least"), [(3, 0), (3, 1), (5, 2), (8, 4), (10, 1)])
def test_it_keeps_the_best_of_all_supports_in_the_metric(keep: int, least: int) -> None:
    each = GlobalCardinality(keep=keep, least=least).shared([FIRST, SECOND], STEPS)
    moved = [own.prox(w, s) for own, w, s in zip(each, (FIRST, SECOND), STEPS, strict=True)]
    got = np.concatenate([w.ravel() for w in moved]) != 0
    np.testing.assert_array_equal(got, by_exhaustion(keep, least))
    assert all(float(own.value(w)) == 0 for own, w in zip(each, moved, strict=True))


def test_of_equal_weights_those_of_the_first_array_stay() -> None:
    ones = [np.ones(3), np.ones((2, 2))]
    each = GlobalCardinality(keep=4, least=0).shared(ones, [1.0, 1.0])
    first, second = (own.prox(w, 1.0) for own, w in zip(each, ones, strict=True))
    assert first.tolist() == [1, 1, 1]
    assert second.tolist() == [[1, 0], [0, 0]]


def network() -> Any:
    generator = torch.Generator().manual_seed(0)
    layers = [torch.nn.Linear(6, 5, bias=False), torch.nn.Tanh(), torch.nn.Linear(5, 2, bias=False)]
    model = torch.nn.Sequential(*layers).double()
    for scale, w in zip((1.0, 0.3), model.parameters(), strict=True):
        w.data.normal_(generator=generator).mul_(scale)
    return model


def stepped(model: Any, optimizer: Any) -> None:
    x = torch.linspace(-1, 1, 48, dtype=torch.float64).reshape(8, 6).sin()
    optimizer.zero_grad()
    (model(x) - x[:, :2]).square().mean().backward()
    optimizer.step()


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("update", ["proximal", "decoupled"])
def test_training_keeps_the_largest_of_a_bare_step(kind: str, update: str) -> None:
    from shrinkage.pytorch import regularize

    bare, model = network(), network()
    free, optimizer = (getattr(torch.optim, kind)(m.parameters(), lr=0.05) for m in (bare, model))
    attachment = regularize(optimizer, model, 1.0 * GlobalCardinality(keep=9, least=0), update)
    stepped(bare, free), stepped(model, optimizer)
    scores = []
    for w in bare.parameters():
        square = w.detach() ** 2
        if (kind, update) == ("Adam", "proximal"):  # w²/step, the step being lr/(√v̂ + ε)
            square = square * (free.state[w]["exp_avg_sq"].div(1 - 0.999).sqrt() + 1e-8)
        scores.append(square.flatten())
    largest = torch.cat(scores).argsort(descending=True)[:9]
    got = torch.cat([w.detach().flatten() for w in model.parameters()])
    assert sorted(got.nonzero().flatten().tolist()) == sorted(largest.tolist())
    own = torch.cat([w.detach().flatten() for w in bare.parameters()])
    assert torch.equal(got[largest], own[largest])
    assert set(attachment.value().values()) == {0.0}
    attachment.set_strength(0, 3.0)
    stepped(model, optimizer)
    assert sum(int(w.count_nonzero()) for w in model.parameters()) == 3


def test_l1_comes_first_and_the_largest_of_what_is_left_stay() -> None:
    from shrinkage.pytorch import regularize

    bare, model = network(), network()
    free, optimizer = (torch.optim.SGD(m.parameters(), lr=0.05) for m in (bare, model))
    terms = 1.0 * GlobalCardinality(keep=9, least=0) + (2.0 * L1()).on("0.weight")
    regularize(optimizer, model, terms)
    stepped(bare, free), stepped(model, optimizer)
    thresholded = [bare[0].weight.sign() * (bare[0].weight.abs() - 0.1).clamp(0), bare[2].weight]
    flat = torch.cat([w.detach().flatten() for w in thresholded])
    largest = flat.abs().argsort(descending=True)[:9]
    got = torch.cat([w.detach().flatten() for w in model.parameters()])
    torch.testing.assert_close(got[largest], flat[largest], rtol=1e-12, atol=0)
    assert int(got.count_nonzero()) == 9


def test_each_model_of_a_stack_divides_its_own() -> None:
    from shrinkage.pytorch import attach

    strengths = torch.tensor([0.0, 1.0, 2.0, 5.0], dtype=torch.float64)
    starts = [torch.tensor(RNG.standard_normal((4, *shape))) for shape in ((3, 4), (2, 3))]

    def trained(weights: list[Any], strength: Any, stacked: int) -> list[Any]:
        own = [torch.nn.Parameter(w.clone()) for w in weights]
        optimizer = torch.optim.Adam(own, lr=0.05)
        part = Part(strength, GlobalCardinality(fraction=0.5), term="one")
        attach(optimizer, {w: [part] for w in own}, stacked=stacked)
        for _ in range(3):
            for w in own:
                w.grad = w.detach() - 0.3
            optimizer.step()
        return [w.detach() for w in own]

    together = trained(starts, strengths, 1)
    for k, strength in enumerate(strengths.tolist()):
        alone = trained([w[k] for w in starts], strength, 0)
        for stack, own in zip(together, alone, strict=True):
            torch.testing.assert_close(stack[k], own, rtol=1e-12, atol=0)
        count = sum(int(w.count_nonzero()) for w in alone)
        assert count == (18 if strength == 0 else max(2, int(9 / strength)))


def test_the_network_from_scratch_does_as_torch_does() -> None:
    from shrinkage.pytorch import regularize
    from shrinkage.scratch import SGD, Adam, Affine, HalfSquaredError, Network, Tanh, Trainer

    term = 1.0 * GlobalCardinality(fraction=0.4) + 0.1 * L1()
    x = np.sin(np.linspace(-1, 1, 48)).reshape(8, 6)
    for ours, theirs in ((SGD(0.05), torch.optim.SGD), (Adam(0.05), torch.optim.Adam)):
        model = network()
        layers = [Affine(6, 5, lambda *_, m=model: m[0].weight.detach().numpy().copy()), Tanh()]
        layers.append(Affine(5, 2, lambda *_, m=model: m[2].weight.detach().numpy().copy()))
        net = Network(layers)
        for i in (0, 2):
            model[i].bias = torch.nn.Parameter(torch.zeros(len(model[i].weight)).double())
        trainer = Trainer(net, ours, term, loss=HalfSquaredError())
        optimizer = theirs(model.parameters(), lr=0.05)
        regularize(optimizer, model, term)
        for _ in range(4):
            trainer.step(x, x[:, :2])
            optimizer.zero_grad()
            out = model(torch.tensor(x))
            (0.5 * (out - torch.tensor(x[:, :2])).square().sum(1).mean()).backward()
            optimizer.step()
        for i in (0, 2):
            np.testing.assert_allclose(
                net.parameters[f"{i}.weight"], model[i].weight.detach(), atol=1e-10
            )
        kept = sum(int(model[i].weight.count_nonzero()) for i in (0, 2))
        assert kept <= 16
        assert trainer.penalty() < np.inf


def test_a_cubic_schedule_goes_from_all_to_what_stays() -> None:
    from shrinkage.pytorch import CubicSparsity, regularize

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    schedule = CubicSparsity(4, kept=0.1)
    regularize(optimizer, model, 1.0 * GlobalCardinality(fraction=0.1), schedule=schedule)
    counts = []
    for _ in range(6):
        stepped(model, optimizer)
        counts.append(sum(int(w.count_nonzero()) for w in model.parameters()))
    assert counts == [int(40 * (0.1 + 0.9 * (1 - min(t / 4, 1)) ** 3) + 1e-6) for t in range(6)]


class TestRefused:
    def test_more_to_keep_than_there_is(self) -> None:
        from shrinkage.pytorch import regularize

        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with pytest.raises(InputError, match="at most 40 to keep of 40 weights in all layers"):
            regularize(optimizer, model, 1.0 * GlobalCardinality(keep=41))
        regularize(optimizer, model, 1.0 * GlobalCardinality(keep=40))  # nothing was left behind

    def test_a_parameter_without_a_gradient(self) -> None:
        from shrinkage.pytorch import regularize

        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        regularize(optimizer, model, 1.0 * GlobalCardinality(keep=4))
        model[0].weight.grad = torch.ones_like(model[0].weight)
        with pytest.raises(InputError, match=r"got none for 2\.weight: select"):
            optimizer.step()

    def test_two_optimizers(self) -> None:
        from shrinkage.pytorch import regularize

        model = network()
        both = [torch.optim.SGD(layer.parameters(), lr=0.1) for layer in (model[0], model[2])]
        with pytest.raises(InputError, match=r"in one optimizer, got them in 0 and 1"):
            regularize(both, model, 1.0 * GlobalCardinality(keep=4))

    def test_a_second_set_on_the_same_parameters(self) -> None:
        from shrinkage.pytorch import regularize

        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for other in (Cardinality(), GroupLasso()):
            with pytest.raises(ValueError, match="closed-form"):
                regularize(optimizer, model, 1.0 * GlobalCardinality(keep=4) + 1.0 * other)

    def test_free_units(self) -> None:
        with pytest.raises(InputError, match="which several arrays share: use Cardinality"):
            OnSomeUnits(GlobalCardinality(), Units(0, 3, (0,)))
