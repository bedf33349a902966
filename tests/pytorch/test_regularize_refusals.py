"""What `regularize` refuses or warns of, and `penalty_loss`."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn
from torch.optim import LBFGS, SGD, Adam, AdamW, RMSprop, Rprop, SparseAdam

from shrinkage import L1, L2, ElasticNet, GroupLasso, everything
from shrinkage.errors import InputError, OverlapError, UnmatchedPattern, UnsupportedOptimizer
from shrinkage.pytorch import METRICS, penalty_loss, regularize
from tests.pytorch.small_training import loss_of, network, sgd, train


class TestRefusals:
    def test_own_weight_decay_is_a_warning(self):
        model = network()
        with pytest.warns(UserWarning, match=r"AdamW has its own weight_decay=0\.01.*=0\)"):
            regularize(AdamW(model.parameters()), model, 0.1 * L1())

    @pytest.mark.parametrize(
        ("terms", "words"),
        [
            (0.1 * L1(), "2 parameters .* a mixture of both.*keep both"),
            (0.1 * L1() + (0.1 * L2()).on("0.*"), r"1 parameters .*0\.weight\), .*twice.* L2 term"),
            (0.1 * ElasticNet(0.5), "2 parameters .* penalised twice"),
        ],
    )
    def test_it_says_what_comes_twice(self, terms, words):
        model = network()
        with pytest.warns(UserWarning, match=words):
            regularize(AdamW(model.parameters()), model, terms)

    def test_a_strength_of_0_is_no_term_beside_it(self):
        model = network()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            regularize(AdamW(model.parameters()), model, 0.0 * L2())

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

    @pytest.mark.parametrize("lr", [None, torch.ones(3)])
    def test_a_rate_that_is_no_number_is_for_those_that_ask_for_none(self, lr):
        model = network()
        optimizer = Adam(model.parameters())
        optimizer.param_groups[0]["lr"] = lr  # as where an optimizer finds its own
        regularize(optimizer, model, 0.1 * L1(), "gradient").detach()
        with pytest.raises(UnsupportedOptimizer, match=r"number as the learning rate.*'gradient"):
            regularize(optimizer, model, 0.1 * L1(), "decoupled")

    def test_no_metric_is_refused_by_proximal_only(self):
        model = network()
        with pytest.raises(UnsupportedOptimizer, match="Rprop, which moves each weight by the sig"):
            regularize(Rprop(model.parameters()), model, 0.1 * L1())
        regularize(Rprop(model.parameters()), model, 0.1 * L1(), update="gradient")

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
        with pytest.raises(InputError, match=r"got 3\.weight outside"):
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
        assert row.reason == "frozen: not trained"


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

    def test_second_derivatives_are_there_and_finite(self):
        model = nn.Linear(3, 2, bias=False).double()
        w = model.weight
        with torch.no_grad():
            w[:, 2] = 0.0
        terms = 0.1 * L1() + 0.3 * L2() + 0.2 * GroupLasso(per="input")
        (slope,) = torch.autograd.grad(penalty_loss(model, terms), [w], create_graph=True)
        (second,) = torch.autograd.grad(slope[:, 0].sum(), [w])
        column = w.detach()[:, 0]
        curved = torch.eye(2) - torch.outer(column, column) / column.square().sum()
        expected = 0.3 + 0.2 * 2**0.5 * curved.sum(0) / column.norm()
        assert torch.allclose(second[:, 0], expected)
        assert torch.equal(second[:, 1:], torch.zeros(2, 2))
        (second,) = torch.autograd.grad(penalty_loss(model, terms), [w], create_graph=True)
        second.sum().backward()
        assert torch.isfinite(w.grad).all()

    def test_parameters_of_functional_call_are_penalised_in_their_place(self):
        model, terms = network(), 0.1 * L1() + 0.3 * L2()
        own = {name: p.detach() for name, p in model.named_parameters()}
        stacked = {name: torch.stack([p, 2 * p]) for name, p in own.items()}
        slopes = torch.func.grad(lambda given: penalty_loss(model, terms, given))
        each = torch.func.vmap(slopes)(stacked)["0.weight"]
        w = stacked["0.weight"]
        assert torch.allclose(each, 0.1 * w.sign() + 0.3 * w)
        with pytest.raises(InputError, match="functional_call has others"):
            torch.func.grad(lambda _: penalty_loss(model, terms))(own)
        with pytest.raises(InputError, match="its own is"):
            penalty_loss(model, terms, stacked)

    def test_a_sum_of_16_bits_is_finite(self):
        model = nn.Linear(300, 300, bias=False).half()
        nn.init.ones_(model.weight)
        terms = 1e-3 * L1() + 1e-3 * L2()
        assert float(penalty_loss(model, terms).detach()) == pytest.approx(135)
        attachment = regularize(SGD(model.parameters(), lr=0.1), model, terms)
        assert sum(attachment.value().values()) == pytest.approx(135)

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
