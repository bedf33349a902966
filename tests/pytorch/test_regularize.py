"""`regularize` in a user's own loop: table, errors, warnings, closures, checkpoints, detaching."""

from __future__ import annotations

import io
import warnings

import pytest
import torch
from torch import nn
from torch.optim import LBFGS, SGD, Adadelta, Adam, AdamW, RMSprop, SparseAdam

from shrinkage import L1, L2, ElasticNet, GroupLasso, biases, everything
from shrinkage.errors import InputError, OverlapError, UnmatchedPattern, UnsupportedOptimizer
from shrinkage.penalties import closed_form
from shrinkage.pytorch import METRICS, penalty_loss, regularize


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 1)).double()


def loss_of(model: nn.Module) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(32, 6, generator=generator, dtype=torch.float64)
    return 0.5 * (model(x).squeeze() - x[:, 0]).square().mean()


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 10) -> list:
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()
    return weights_of(model)


def weights_of(model: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def equal(first: list, second: list) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def sgd(model: nn.Module, **options) -> SGD:
    return SGD(model.parameters(), lr=0.05, **options)


class TestWhatItDoes:
    def test_exact_zeros_on_weights_only(self):
        model = network()
        optimizer = Adam(model.parameters(), lr=0.05)
        regularize(optimizer, model, 0.5 * L1())
        train(model, optimizer, 60)
        zeros = {name: int((p == 0).sum()) for name, p in model.named_parameters()}
        assert zeros["0.weight"] > 0
        assert zeros["0.bias"] == zeros["1.weight"] == zeros["1.bias"] == zeros["3.bias"] == 0

    def test_table_names_every_parameter(self):
        model = network()
        text = regularize(sgd(model), model, 0.5 * L1()).table()
        assert all(name in text for name, _ in model.named_parameters())

    def test_values_and_strengths_by_term(self):
        model = network()
        attachment = regularize(sgd(model), model, 0.5 * L1() + (0.1 * L2()).on(biases()))
        first, second = attachment.value().values()
        named = dict(model.named_parameters())
        lasso = sum(float(named[n].detach().abs().sum()) for n in ("0.weight", "3.weight"))
        ridge = sum(float(p.detach().square().sum()) for n, p in named.items() if "bias" in n)
        assert first == pytest.approx(0.5 * lasso)
        assert second == pytest.approx(0.05 * ridge)
        assert list(attachment.strengths.values()) == [0.5, 0.1]

    def test_detach_ends_it_and_another_may_follow(self):
        model, plain = network(), network()
        optimizer = sgd(model)
        regularize(optimizer, model, 0.5 * L1()).detach()
        assert equal(train(model, optimizer), train(plain, sgd(plain)))
        regularize(optimizer, model, 0.5 * L1())

    def test_twice_is_an_error(self):
        model = network()
        optimizer = sgd(model)
        regularize(optimizer, model, 0.5 * L1())
        with pytest.raises(InputError, match="call detach"):
            regularize(optimizer, model, 0.5 * L1())

    def test_each_term_has_its_own_update(self):
        model = network()
        start = model[0].weight.detach().clone()
        optimizer = sgd(model)
        terms = (0.5 * L2()).with_update("decoupled") + 0.2 * L1()
        regularize(optimizer, model, terms)
        loss_of(model).backward()
        gradient = model[0].weight.grad.clone()
        optimizer.step()
        moved = start * (1 - 0.05 * 0.5) - 0.05 * gradient
        expected = L1().prox(moved, 0.05 * 0.2)
        torch.testing.assert_close(model[0].weight.detach(), expected, rtol=1e-13, atol=1e-15)

    @pytest.mark.parametrize("update", ["gradient", "loss"])
    def test_gradient_and_loss_take_the_same_steps(self, update):
        terms = 0.1 * ElasticNet(0.5) + 0.05 * GroupLasso(per="output")
        model, peer = network(), network()
        optimizer, other = sgd(model, momentum=0.9), sgd(peer, momentum=0.9)
        attachment = regularize(optimizer, model, terms, update=update)
        for _ in range(10):
            for chosen, net in ((optimizer, model), (other, peer)):
                chosen.zero_grad()
                extra = attachment.loss() if net is model else penalty_loss(peer, terms)
                (loss_of(net) + extra).backward()
                chosen.step()
        for ours, theirs in zip(weights_of(model), weights_of(peer), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)

    def test_around_a_reference(self):
        model = network()
        reference = {name: value + 0.01 for name, value in model.state_dict().items()}
        optimizer = sgd(model)
        regularize(optimizer, model, (100.0 * L1()).around(reference))
        train(model, optimizer, 3)
        torch.testing.assert_close(model[0].weight.detach(), reference["0.weight"], rtol=0, atol=0)
        assert not torch.equal(model[0].bias.detach(), reference["0.bias"])

    @pytest.mark.parametrize(
        "terms",
        [
            (0.3 * L1()).around({"0.weight": torch.full((8, 6), 0.1)}).on("0.weight"),
            (0.1 * L1() + 0.1 * GroupLasso(per="input") + 0.2 * L2()).on("0.weight"),
        ],
    )
    def test_one_adam_step_is_the_closed_form_in_its_metric(self, terms):
        model, plain = network(), network()
        optimizer, other = (Adam(m.parameters(), lr=0.01) for m in (model, plain))
        regularize(optimizer, model, terms)
        train(model, optimizer, 1)
        train(plain, other, 1)
        w = plain[0].weight
        root = (1 - 0.999) ** 0.5
        metric = 0.01 / (other.state[w]["exp_avg_sq"].sqrt() / root + 1e-8)
        parts = []
        for term in getattr(terms, "terms", (terms,)):
            given = None if term.reference is None else term.reference["0.weight"].double()
            parts.append((term.strength, term.penalty, given))
        expected = closed_form(parts).prox(w.detach(), metric)
        torch.testing.assert_close(model[0].weight.detach(), expected, rtol=1e-10, atol=1e-12)


class TestTheLoopAroundIt:
    @pytest.mark.parametrize("update", ["proximal", "decoupled"])
    @pytest.mark.parametrize("keyword", [True, False])
    def test_closure_is_evaluated_before_anything_changes(self, update, keyword):
        model, peer = network(), network()
        optimizer, other = sgd(model), sgd(peer)
        terms = 0.3 * ElasticNet(0.5)
        regularize(optimizer, model, terms, update=update)
        regularize(other, peer, terms, update=update)

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = loss_of(model)
            loss.backward()
            return loss

        for _ in range(5):
            returned = optimizer.step(closure=closure) if keyword else optimizer.step(closure)
            assert float(returned.detach()) > 0
        assert equal(weights_of(model), train(peer, other, 5))

    def test_gradient_with_a_closure_is_refused(self):
        model = network()
        optimizer = sgd(model)
        regularize(optimizer, model, 0.1 * L2(), update="gradient")
        with pytest.raises(UnsupportedOptimizer, match="closure"):
            optimizer.step(lambda: loss_of(model))

    def test_the_callers_gradient_comes_back(self):
        model = network()
        optimizer = sgd(model)
        regularize(optimizer, model, 0.1 * L2(), update="gradient")
        loss_of(model).backward()
        given = model[0].weight.grad
        before = given.clone()
        optimizer.step()
        assert model[0].weight.grad is given
        assert torch.equal(given, before)

    def test_gradient_comes_back_after_a_step_that_raised(self):
        model = network()
        optimizer = sgd(model)
        regularize(optimizer, model, 0.1 * L2(), update="gradient")
        loss_of(model).backward()
        given = model[0].weight.grad
        optimizer.param_groups[0]["lr"] = "no number"
        with pytest.raises(TypeError):
            optimizer.step()
        optimizer.param_groups[0]["lr"] = 0.05
        optimizer.step()
        assert model[0].weight.grad is given

    @pytest.mark.parametrize("update", ["gradient", "decoupled", "proximal"])
    def test_parameters_without_a_gradient_stay(self, update):
        model = network()
        optimizer = Adam(model.parameters(), lr=0.1)
        regularize(optimizer, model, 5.0 * ElasticNet(0.5), update=update)
        loss_of(model).backward()
        model[3].weight.grad = None
        before = weights_of(model)
        optimizer.step()
        after = weights_of(model)
        assert torch.equal(before[4], after[4])
        assert not torch.equal(before[0], after[0])

    def test_checkpoint_goes_on_as_undisturbed(self):
        def fresh() -> tuple:
            model = network()
            optimizer = sgd(model, momentum=0.9)
            return model, optimizer, regularize(optimizer, model, 0.1 * L1())

        model, optimizer, attachment = fresh()
        train(model, optimizer, 4)
        stored = io.BytesIO()
        state = (model.state_dict(), optimizer.state_dict(), attachment.state_dict())
        torch.save(state, stored)
        undisturbed = train(model, optimizer, 4)
        stored.seek(0)
        loaded = torch.load(stored, weights_only=True)
        model, optimizer, attachment = fresh()
        for part, state in zip((model, optimizer, attachment), loaded, strict=True):
            part.load_state_dict(state)
        assert equal(train(model, optimizer, 4), undisturbed)

    def test_state_of_another_model_is_refused(self):
        model = network()
        attachment = regularize(sgd(model, momentum=0.9), model, 0.1 * L1())
        with pytest.raises(InputError, match=r"did you mean 0\.weight"):
            attachment.load_state_dict({"momentum": {"0.weigth": 1.0}})

    def test_joining_a_run_with_momentum_uses_the_gain_it_has_reached(self):
        model = network()
        optimizer = sgd(model, momentum=0.9)
        train(model, optimizer, 2)
        attachment = regularize(optimizer, model, 0.1 * L1())
        train(model, optimizer, 1)
        assert attachment.state_dict()["momentum"]["0.weight"] == pytest.approx(10.0)

    def test_gain_follows_the_momentum_buffer(self):
        w = nn.Parameter(torch.zeros(1, 1, dtype=torch.float64))
        model = nn.Module()
        model.w = w
        options = {"lr": 1.0, "momentum": 0.9, "dampening": 0.3}
        optimizer = SGD([w], **options)
        attachment = regularize(optimizer, model, 0.1 * L1())
        for _ in range(7):
            w.grad = torch.ones_like(w)
            optimizer.step()
            buffer = float(optimizer.state[w]["momentum_buffer"])
            assert attachment.state_dict()["momentum"]["w"] == pytest.approx(buffer, rel=1e-12)

    def test_tensor_learning_rate(self):
        models = network(), network()
        rates = 0.01, torch.tensor(0.01, dtype=torch.float64)
        found = []
        for model, rate in zip(models, rates, strict=True):
            optimizer = Adam(model.parameters(), lr=rate)
            regularize(optimizer, model, 0.3 * L1())
            found.append(train(model, optimizer))
        for ours, theirs in zip(*found, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)

    @pytest.mark.parametrize("update", ["gradient", "decoupled", "proximal"])
    def test_maximize_is_minimizing_the_negative(self, update):
        found = []
        for sign in (1, -1):
            model = network()
            optimizer = Adam(model.parameters(), lr=0.01, maximize=sign < 0)
            regularize(optimizer, model, 0.3 * ElasticNet(0.5), update=update)
            for _ in range(5):
                optimizer.zero_grad()
                (sign * loss_of(model)).backward()
                optimizer.step()
            found.append(weights_of(model))
        assert equal(*found)

    @pytest.mark.parametrize("update", ["gradient", "decoupled", "proximal"])
    def test_a_step_skipped_on_overflow_changes_nothing(self, update):
        model = network().float()
        optimizer = Adam(model.parameters(), lr=0.1, fused=True)
        regularize(optimizer, model, 5.0 * ElasticNet(0.5), update=update)
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        before = weights_of(model)
        optimizer.grad_scale, optimizer.found_inf = torch.tensor(2.0), torch.tensor(1.0)
        optimizer.step()
        assert equal(before, weights_of(model))

    def test_gradient_knows_the_scale_of_a_fused_optimizer(self):
        found = []
        for scale in (1.0, 1024.0):
            model = network().float()
            optimizer = SGD(model.parameters(), lr=0.1, fused=True)
            regularize(optimizer, model, 0.5 * L2(), update="gradient")
            for parameter in model.parameters():
                parameter.grad = torch.full_like(parameter, scale)
            optimizer.grad_scale, optimizer.found_inf = torch.tensor(scale), torch.tensor(0.0)
            optimizer.step()
            found.append(weights_of(model))
        for ours, theirs in zip(*found, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)

    def test_bfloat16_weights_shrink_in_float32(self):
        model = network().bfloat16()
        optimizer = Adam(model.parameters(), lr=0.01)
        regularize(optimizer, model, 0.5 * L1())
        for _ in range(40):
            for parameter in model.parameters():
                parameter.grad = torch.full_like(parameter, 0.01)
            optimizer.step()
        assert model[0].weight.dtype is torch.bfloat16
        assert int((model[0].weight == 0).sum()) > 0
        assert int((model[0].bias == 0).sum()) == 0


class TestRefusals:
    def test_own_weight_decay_is_a_warning(self):
        model = network()
        with pytest.warns(UserWarning, match=r"AdamW has its own weight_decay=0\.01.*=0\)"):
            regularize(AdamW(model.parameters()), model, 0.1 * L1())

    def test_own_weight_decay_on_other_parameters_is_none(self):
        model = network()
        free, decayed = [model[0].weight, model[3].weight], [model[0].bias]
        optimizer = AdamW([{"params": free, "weight_decay": 0}, {"params": decayed}])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            regularize(optimizer, model, 0.1 * L1())

    def test_a_forgotten_loss_is_a_warning_once(self):
        model = network()
        optimizer = sgd(model)
        attachment = regularize(optimizer, model, 0.1 * L1(), update="loss")
        (loss_of(model) + attachment.loss()).backward()
        optimizer.step()
        with pytest.warns(UserWarning, match=r"attachment\.loss\(\)") as caught:
            train(model, optimizer, 3)
        assert len(caught) == 1

    @pytest.mark.parametrize("update", ["gradient", "decoupled", "proximal"])
    @pytest.mark.parametrize("kind", [LBFGS, SparseAdam])
    def test_optimizers_that_cannot_be_right(self, kind, update):
        model = network()
        with pytest.raises(UnsupportedOptimizer, match="use"):
            regularize(kind(model.parameters()), model, 0.1 * L1(), update=update)

    def test_unknown_metric_is_refused_by_proximal_only(self):
        model = network()
        with pytest.raises(UnsupportedOptimizer, match="Adadelta, whose metric is not known"):
            regularize(Adadelta(model.parameters()), model, 0.1 * L1())
        regularize(Adadelta(model.parameters()), model, 0.1 * L1(), update="gradient")

    def test_a_subclass_with_its_own_step_has_no_known_metric(self):
        class Other(SGD):
            def step(self, closure=None):
                return super().step(closure)

        class Same(SGD):
            pass

        model = network()
        with pytest.raises(UnsupportedOptimizer):
            regularize(Other(model.parameters(), lr=0.1), model, 0.1 * L1())
        regularize(Same(model.parameters(), lr=0.1), model, 0.1 * L1())
        assert {SGD, Adam, AdamW, RMSprop} <= set(METRICS)

    def test_parameters_outside_the_optimizer(self):
        model = network()
        with pytest.raises(InputError, match=r"came 3\.weight outside"):
            regularize(SGD(model[0].parameters(), lr=0.1), model, 0.1 * L1())

    def test_errors_of_terms_reach_the_caller_and_leave_no_hook(self):
        model = network()
        optimizer = sgd(model)
        for bad, kind in [
            ((0.1 * L1()).on("0.wieght"), UnmatchedPattern),
            (0.1 * GroupLasso(per="input") + 0.1 * GroupLasso(per="output"), OverlapError),
            (0.1 * L1() + (0.1 * L1()).around(model.state_dict()), OverlapError),
        ]:
            with pytest.raises(kind):
                regularize(optimizer, model, bad)
        assert not optimizer._optimizer_step_pre_hooks
        regularize(optimizer, model, 0.1 * L1())

    def test_loss_with_maximize_and_differentiable_optimizers(self):
        model = network()
        with pytest.raises(UnsupportedOptimizer, match="maximize"):
            regularize(sgd(model, maximize=True), model, 0.1 * L1(), update="loss")
        with pytest.raises(UnsupportedOptimizer, match="differentiable"):
            regularize(sgd(model, differentiable=True), model, 0.1 * L1())

    def test_frozen_parameters_are_skipped_and_said(self):
        model = network()
        model[0].weight.requires_grad_(False)
        optimizer = SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
        attachment = regularize(optimizer, model, 0.1 * L1())
        assert attachment.assignment is not None
        row = next(r for r in attachment.assignment.rows if r.parameter == "0.weight")
        assert row.reason == "frozen: requires_grad is False"


class TestPenaltyLoss:
    def test_zero_weights_and_groups_have_gradient_zero(self):
        model = network()
        with torch.no_grad():
            model[0].weight[:, 2] = 0.0
        terms = 0.1 * GroupLasso(per="input") + 0.1 * L1()
        penalty_loss(model, terms).backward()
        gradient = model[0].weight.grad
        assert torch.isfinite(gradient).all()
        assert torch.equal(gradient[:, 2], torch.zeros(8, dtype=torch.float64))
        assert int((gradient != 0).sum()) == 40

    def test_changed_models_are_seen(self):
        model = network()
        terms = (0.1 * L2()).on(everything())
        before = float(penalty_loss(model, terms).detach())
        model[3] = nn.Linear(8, 2).double()
        after = float(penalty_loss(model, terms).detach())
        assert before != after
        expected = sum(0.05 * float(p.detach().square().sum()) for p in model.parameters())
        assert after == pytest.approx(expected)

    def test_updates_and_overlaps_do_not_matter(self):
        model = network()
        terms = 0.1 * GroupLasso(per="input") + (0.1 * L1()).with_update("decoupled")
        assert float(penalty_loss(model, terms).detach()) > 0
