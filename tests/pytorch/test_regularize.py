"""`regularize` in a user's own loop: table, errors, warnings, closures, checkpoints, detaching."""

from __future__ import annotations

import io

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam

from shrinkage import L1, L2, ElasticNet, GroupLasso, biases
from shrinkage.errors import InputError, UnsupportedOptimizer
from shrinkage.pytorch import penalty_loss, regularize
from shrinkage.terms import Part, closed_form
from tests.builders.torch_networks import equal, parameters_of
from tests.pytorch.small_training import loss_of, network, sgd, train


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
        for ours, theirs in zip(parameters_of(model), parameters_of(peer), strict=True):
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
            parts += Part(term.strength, term.penalty, given).elementary()
        expected = closed_form(parts).prox(w.detach(), metric, reach=0.01)
        torch.testing.assert_close(model[0].weight.detach(), expected, rtol=1e-10, atol=1e-12)


class TestTheLoopAroundIt:
    def test_a_closure_reaches_the_step_of_a_subclass_with_the_terms_behind_it(self):
        class Same(Adam):
            def step(self, closure=None):
                return super().step(closure)

        ends = []
        for kind in (Same, Adam):
            model = network()
            optimizer = kind(model.parameters(), lr=0.01)
            attachment = regularize(optimizer, model, 0.3 * L2(), update="decoupled")

            def closure(model=model, optimizer=optimizer):
                optimizer.zero_grad()
                loss = loss_of(model)
                loss.backward()
                return loss

            for _ in range(3):
                optimizer.step(closure)
            assert attachment.steps == 3
            ends.append(parameters_of(model))
        assert equal(*ends)

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
        assert equal(parameters_of(model), train(peer, other, 5))

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
        before = parameters_of(model)
        optimizer.step()
        after = parameters_of(model)
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

    @pytest.mark.parametrize("what", ["optimizer", "model", "nothing", "none"])
    def test_the_state_of_something_else_is_refused(self, what):
        model = network()
        optimizer = sgd(model)
        states = {"optimizer": optimizer.state_dict(), "model": model.state_dict(), "nothing": {}}
        attachment = regularize(optimizer, model, 0.1 * L1())
        with pytest.raises(InputError, match=r"state_dict\(\) of an attachment.*not the state of"):
            attachment.load_state_dict(states.get(what))

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
        for step in range(7):
            optimizer.param_groups[0]["momentum"] = 0.0 if step in (3, 4) else 0.9  # torch keeps it
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
            found.append(parameters_of(model))
        assert equal(*found)

    @pytest.mark.parametrize("update", ["gradient", "decoupled", "proximal"])
    def test_a_step_skipped_on_overflow_changes_nothing(self, update):
        model = network().float()
        optimizer = Adam(model.parameters(), lr=0.1, fused=True)
        regularize(optimizer, model, 5.0 * ElasticNet(0.5), update=update)
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        before = parameters_of(model)
        optimizer.grad_scale, optimizer.found_inf = torch.tensor(2.0), torch.tensor(1.0)
        optimizer.step()
        assert equal(before, parameters_of(model))

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
            found.append(parameters_of(model))
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


@pytest.mark.parametrize("what", [0.1 * L1(), torch.nn.Linear(1, 1).state_dict()])
def test_a_penalty_of_what_is_no_module_is_refused(what):
    with pytest.raises(InputError, match=r"expected a torch\.nn\.Module.*give the model itself"):
        penalty_loss(what, 0.1 * L1())
