"""Each rule that reads model and optimizer: where it speaks, and where it keeps silent."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW

from shrinkage import (
    L1,
    L2,
    Cardinality,
    MaxNorm,
    NonNegative,
    biases,
    everything,
    norms,
    weights,
)
from shrinkage.errors import InputError
from shrinkage.pytorch import audit, regularize
from tests.builders.torch_networks import half_squares, settled
from tests.pytorch.audits.audited_networks import (
    CLASSES,
    INPUTS,
    data,
    decayed,
    network,
    plain_step,
    step_with,
    where,
)

STRENGTH = 0.02
TERM = STRENGTH * L2()


class Normed(nn.Module):
    """A layer norm behind a tanh, so that no weight is scale invariant; names tell nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.foo, self.bar, self.baz = nn.Linear(INPUTS, 8), nn.LayerNorm(8), nn.Linear(8, CLASSES)
        settled(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.baz(self.bar(torch.tanh(self.foo(x))))


class OwnScale(nn.Module):
    """As Llama has it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


class OwnNorm(Normed):
    def __init__(self) -> None:
        super().__init__()
        self.bar = OwnScale(8)
        self.gate = nn.Parameter(torch.ones(CLASSES))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gate * super().forward(x)


class TestBiasOrNorm:
    @pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
    def test_decay_of_everything(self, kind):
        model = Normed()
        report = audit(
            model, kind(model.parameters(), lr=0.01, weight_decay=STRENGTH), plain_step, data()
        )
        assert where(report, "bias-or-norm-penalised") == {
            "foo.bias",
            "bar.weight",
            "bar.bias",
            "baz.bias",
        }
        assert report.ok, str(report)

    @pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
    def test_decay_of_weights(self, kind):
        model = Normed()
        assert not where(
            audit(model, decayed(model, kind), plain_step, data()), "bias-or-norm-penalised"
        )

    def test_terms_on_everything(self):
        model = Normed()
        optimizer = SGD(model.parameters(), lr=0.01)
        regularize(optimizer, model, TERM.on(everything()))
        report = audit(model, optimizer, plain_step, data())
        assert "bar.weight" in where(report, "bias-or-norm-penalised")
        assert "foo.weight" not in where(report, "bias-or-norm-penalised")

    @pytest.mark.parametrize(
        "selection",
        [norms(), norms() | biases(), weights() | biases(), norms() & biases() | norms()],
    )
    def test_a_role_that_was_chosen_is_nobodys_matter(self, selection):
        model = Normed()
        optimizer = SGD(model.parameters(), lr=0.01)
        regularize(optimizer, model, TERM.on(selection))
        assert audit(model, optimizer, plain_step, data()).rules == ()

    def test_norms_and_vectors_of_ones_own(self):
        model = OwnNorm()
        optimizer = AdamW(model.parameters(), lr=0.01, weight_decay=STRENGTH)
        report = audit(model, optimizer, plain_step, data())
        vectors = {"bar.scale", "gate", "foo.bias", "baz.bias"}
        assert where(report, "bias-or-norm-penalised") == vectors
        assert "a normalization scale" in str(report)
        assert "a vector" in str(report)


class TestSelectedButFrozen:
    @staticmethod
    def partly() -> Any:
        model = network()
        model[0].weight.requires_grad_(False)
        return model

    @pytest.mark.parametrize(
        ("term", "severity"), [(TERM, "info"), (TERM.on("*.weight"), "warning")]
    )
    def test_a_frozen_weight_beside_one_that_trains(self, term, severity):
        model = self.partly()
        step = step_with(lambda m: m.get_parameter("2.weight").square().sum() / 2, STRENGTH)
        report = audit(model, SGD(model.parameters(), lr=0.1), step, data(), term)
        assert [(f.rule, f.parameter, f.severity) for f in report.findings] == [
            ("selected-but-frozen", "0.weight", severity)
        ]
        assert "on the intended parameters that train" in str(report)

    def test_a_decay_on_it(self):
        model = self.partly()
        report = audit(model, decayed(model), plain_step, data())
        assert where(report, "selected-but-frozen") == {"0.weight"}
        model[2].weight.requires_grad_(False)
        with pytest.raises(InputError, match="weight_decay on frozen parameters only"):
            audit(model, decayed(model), plain_step, data())

    def test_a_frozen_parameter_that_no_term_is_on(self):
        model = network()
        model[0].bias.requires_grad_(False)
        assert audit(model, decayed(model), plain_step, data()).rules == ()


class TestPatterns:
    def test_a_pattern_that_matches_nothing_is_a_finding(self):
        model = network()
        step = step_with(half_squares, STRENGTH)
        report = audit(model, SGD(model.parameters(), lr=0.1), step, data(), TERM.on("encoder.*"))
        assert report.rules == ("pattern-matches-nothing",)
        assert not report.ok
        assert "encoder.*" in report.findings[0].message

    def test_a_pattern_that_matches_is_none(self):
        model = network()
        report = audit(
            model,
            SGD(model.parameters(), lr=0.1),
            step_with(lambda m: m.get_parameter("2.weight").square().sum() / 2, STRENGTH),
            data(),
            TERM.on("2.*"),
        )
        assert report.rules == (), str(report)


class TestNotInOptimizer:
    def test_a_head_that_came_after_the_optimizer(self):
        model = network()
        optimizer = decayed(model)
        model[2] = settled(nn.Linear(8, CLASSES), seed=5)
        report = audit(model, optimizer, step_with(half_squares, 0.0), data(), TERM)
        assert where(report, "not-in-optimizer") == {"2.weight"}
        assert not report.ok

    def test_frozen_parameters_may_stay_outside(self):
        model = network()
        model[0].weight.requires_grad_(False)
        optimizer = SGD([w for w in model.parameters() if w.requires_grad], lr=0.1)
        terms = TERM.on("0.weight") + TERM.on("2.weight")
        report = audit(model, optimizer, step_with(half_squares, STRENGTH), data(), terms)
        assert not where(report, "not-in-optimizer"), str(report)

    def test_everything_is_inside(self):
        model = network()
        assert not where(audit(model, decayed(model), plain_step, data()), "not-in-optimizer")


class TestPenalisedTwice:
    @pytest.mark.filterwarnings("ignore:.*has its own weight_decay:UserWarning")
    @pytest.mark.parametrize("update", ["gradient", "proximal", "decoupled"])
    @pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
    def test_decay_and_a_term(self, kind, update):
        model = network()
        optimizer = decayed(model, kind)
        regularize(optimizer, model, TERM, update)
        report = audit(model, optimizer, plain_step, data())
        assert where(report, "penalised-twice") == {"0.weight", "2.weight"}
        errors = {said.rule for said in report.findings if said.severity == "error"}
        assert errors == {"penalised-twice"}, str(report)

    def test_decay_and_a_term_on_other_parameters(self):
        model = network()
        groups = [{"params": [model[0].weight], "weight_decay": 0.1}, {"params": [model[2].weight]}]
        optimizer = SGD(groups, lr=0.01)
        regularize(optimizer, model, TERM.on("2.*"))
        report = audit(model, optimizer, plain_step, data())
        assert not where(report, "penalised-twice"), str(report)
        assert report.ok, str(report)

    def test_terms_alone_and_decay_alone(self):
        model = network()
        optimizer = decayed(model, weight_decay=0.0)
        assert not where(audit(model, decayed(model), plain_step, data()), "penalised-twice")
        regularize(optimizer, model, TERM + 0.001 * L1())
        assert not where(audit(model, optimizer, plain_step, data()), "penalised-twice")

    @pytest.mark.parametrize("twice", [True, False])
    def test_a_tied_array_under_each_of_its_names(self, twice):
        model = nn.Sequential(nn.Linear(INPUTS, INPUTS), nn.Tanh(), nn.Linear(INPUTS, INPUTS))
        settled(model)
        model[2].weight = model[0].weight

        def penalty(model: Any) -> Any:
            named = model.named_parameters(remove_duplicate=not twice)
            return sum(w.square().sum() / 2 for name, w in named if "weight" in name)

        step = step_with(penalty, STRENGTH)
        report = audit(model, SGD(model.parameters(), lr=0.1), step, data(), TERM)
        assert where(report, "penalised-twice") == ({"0.weight"} if twice else set())
        assert report.ok is not twice, str(report)

    @pytest.mark.parametrize("each", [True, False])
    @pytest.mark.parametrize("factor", [2, 3])
    def test_a_penalty_too_strong_for_all_is_not_the_tied_array_s(self, each, factor):
        layers = [nn.Linear(INPUTS, INPUTS) for _ in range(3)]
        model = settled(nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2]))
        model[4].weight = model[0].weight

        def penalty(model: Any) -> Any:
            named = model.named_parameters(remove_duplicate=not each)
            return factor * sum(w.square().sum() / 2 for name, w in named if "weight" in name)

        step = step_with(penalty, STRENGTH)
        report = audit(model, SGD(model.parameters(), lr=0.1), step, data(), TERM)
        assert where(report, "penalised-twice") == ({"0.weight"} if each else set()), str(report)
        assert where(report, "wrong-factor") == {"2.weight"} | (set() if each else {"0.weight"})


@pytest.mark.parametrize("penalty", [Cardinality(fraction=0.5), MaxNorm(radius=0.5), NonNegative()])
@pytest.mark.parametrize("update", ["proximal", "decoupled"])
def test_a_constraint_is_judged_by_its_projection_and_has_no_collapse(penalty, update):
    """It is fulfilled in one step, and nothing of it joins a gradient."""
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    regularize(optimizer, model, 1.0 * penalty, update=update)
    report = audit(model, optimizer, plain_step, data())
    assert report.ok, str(report)
    assert not where(report, "cannot-judge")
    inside = audit(model, optimizer, plain_step, data(), (1.0 * MaxNorm(radius=1e6)))
    assert where(inside, "cannot-judge") == {"0.weight", "2.weight"}


@pytest.mark.parametrize("kind", [AdamW, SGD])
def test_at_a_learning_rate_of_zero_nothing_is_said_of_the_decay(kind):
    """A class is not unlike what is known of it because nothing moved."""
    model = network()
    optimizer = decayed(model, kind, lr=0.0)
    report = audit(model, optimizer, plain_step, data())
    assert set(report.rules) == {"cannot-judge"}, report
    assert all("learning rate is 0" in said.message for said in report.findings)


def test_a_penalty_in_the_gradient_of_a_step_that_does_not_move_is_told():
    model = network()
    step = step_with(half_squares, STRENGTH)
    report = audit(model, SGD(model.parameters(), lr=0.0), step, data(), TERM)
    assert report.ok
    assert set(report.rules) == {"cannot-judge"}, report
    assert all("learning rate is 0" in said.message for said in report.findings)
