"""Terms add up, refuse bad strengths, and `assign` says who is penalised by what, and why."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from shrinkage import L1, L2, ElasticNet, GroupLasso, Term, Terms, assign, biases, everything
from shrinkage.errors import InputError, OverlapError, UnmatchedPattern
from shrinkage.parameters import ParameterInfo
from shrinkage.terms import as_terms

INFOS = (
    ParameterInfo("embed.weight", (9, 4), "embedding", "embedding", 0, 1, ("head.weight",)),
    ParameterInfo("conv.weight", (4, 8, 3), "weight", "conv", 0, 1),
    ParameterInfo("conv.bias", (8,), "bias", "conv"),
    ParameterInfo("norm.weight", (8,), "norm", "norm"),
    ParameterInfo("out.weight", (2, 8), "weight", "linear", 1, 0),
    ParameterInfo("old.weight", (2, 2), "weight", "linear", 1, 0, trainable=False),
    ParameterInfo("gate", (1,), "other", "custom", note="a note"),
)


def rows(terms, update="proximal") -> dict:
    return {row.parameter: row for row in assign(INFOS, terms, update).rows}


class TestTerm:
    def test_products_in_either_order_are_terms(self):
        for term in (0.5 * L1(), L1() * 0.5, np.float32(0.5) * L1(), Term(0.5, L1())):
            assert isinstance(term, Term)
            assert term.strength == 0.5
            assert isinstance(term.strength, float)

    @pytest.mark.parametrize(
        "strength", [-1.0, float("nan"), float("inf"), True, np.True_, "0.1", None, 1j]
    )
    def test_bad_strengths_are_refused(self, strength):
        with pytest.raises(InputError, match="finite number of at least 0"):
            Term(strength, L1())

    def test_sums(self):
        first, second, third = 0.1 * L1(), 0.2 * L2(), 0.3 * L1()
        assert (first + second).terms == (first, second)
        assert (first + (second + third)).terms == (first, second, third)
        assert sum([first, second, third]).terms == (first, second, third)
        assert as_terms([first, second]) == first + second
        assert len(Terms(()) + first) == 1

    def test_changes_return_new_terms(self):
        term = 0.1 * L1()
        assert term.on("a.*").selection != term.selection
        assert term.with_update("loss").update == "loss"
        assert term.scaled(3).strength == pytest.approx(0.3)
        assert (term + term).with_update("loss").terms[1].update == "loss"
        assert term.update is None
        with pytest.raises(dataclasses.FrozenInstanceError):
            term.strength = 2.0  # type: ignore[misc]

    def test_reference_is_a_copy(self):
        state = {"out.weight": np.ones((2, 8))}
        term = (0.1 * L2()).on("out.*").around(state)
        state["out.weight"][:] = 7
        assert term.reference is not None
        assert term.reference["out.weight"].max() == 1

    @pytest.mark.parametrize(
        ("call", "words"),
        [
            (lambda: Term(0.1, "l1"), "expected a penalty"),
            (lambda: (0.1 * L1()).with_update("proximl"), "did you mean proximal"),
            (lambda: (0.1 * L1()).on(), "at least one selection"),
            (lambda: (0.1 * L1()).around([1]), "model.state_dict"),
            (lambda: as_terms(L1()), "without a strength"),
            (lambda: as_terms(0.1), "multiply a penalty"),
            (lambda: assign(INFOS, 0.1 * L1(), "sideways"), "expected an update of loss"),
        ],
    )
    def test_errors_say_what_to_do(self, call, words):
        with pytest.raises(InputError, match=words):
            call()

    def test_adding_a_number_is_a_type_error(self):
        with pytest.raises(TypeError):
            _ = (0.1 * L1()) + 1


class TestTable:
    def test_every_parameter_is_there_with_its_term_or_reason(self):
        found = rows(0.1 * L1())
        assert list(found) == [name for info in INFOS for name in info.names]
        assert found["conv.weight"].term == "0.1 * L1()"
        assert found["conv.weight"].shape == (4, 8, 3)
        reasons = {name: row.reason for name, row in found.items() if not row.term}
        assert reasons == {
            "embed.weight": "embedding: not penalised unless embeddings() is selected",
            "head.weight": "tied to embed.weight: the same array, once",
            "conv.bias": "bias: not penalised unless biases() is selected",
            "norm.weight": "normalization scale: not penalised unless norms() is selected",
            "old.weight": "frozen: not trained",
            "gate": "no weight of a layer: not penalised unless everything() is selected; a note",
        }

    def test_a_weight_that_no_term_selects_says_so(self):
        assert rows((0.1 * L1()).on("out.*"))["conv.weight"].reason == "no term selects it"

    def test_meeting_terms_are_marked(self):
        terms = 0.1 * L1() + (0.2 * L2()).on("out.*").with_update("decoupled")
        assignment = assign(INFOS, terms)
        assert assignment.meetings == ("out.weight",)
        row = next(row for row in assignment.rows if row.parameter == "out.weight")
        assert row.term == "0.1 * L1() + 0.2 * L2()"
        assert row.reason == "proximal + decoupled: terms meet here"
        assert [part.update for part in assignment.parts["out.weight"]] == ["proximal", "decoupled"]

    def test_text_is_aligned(self):
        lines = str(assign(INFOS, 0.1 * L1())).splitlines()
        assert len(lines) == 1 + len(INFOS) + 1
        column = lines[0].index("role")
        assert all(line[column - 2 : column] == "  " for line in lines)
        assert all(line[column] != " " for line in lines)

    def test_one_term_with_two_elementary_parts_does_not_meet_itself(self):
        assignment = assign(INFOS, 0.1 * ElasticNet(0.5))
        assert assignment.meetings == ()
        assert [part.strength for part in assignment.parts["out.weight"]] == [0.05, 0.05]


class TestAssign:
    def test_group_axes_follow_the_layer(self):
        parts = assign(INFOS, 0.1 * GroupLasso(per="input")).parts
        assert parts["conv.weight"][0].penalty == GroupLasso(axes=(0,))
        assert parts["out.weight"][0].penalty == GroupLasso(axes=(1,))

    @pytest.mark.parametrize("penalty", [GroupLasso(per="input"), GroupLasso(axes=(1,))], ids=repr)
    def test_groups_that_a_parameter_does_not_have(self, penalty):
        with pytest.raises(InputError, match=r"conv\.bias \(8,\)"):
            assign(INFOS, (0.1 * penalty).on(biases()))

    def test_a_term_without_a_parameter_is_an_error(self):
        with pytest.raises(UnmatchedPattern, match=r"did you mean out\.weight"):
            assign(INFOS, 0.1 * L1() + (0.1 * L2()).on("out.wait"))
        with pytest.raises(UnmatchedPattern, match="only frozen ones"):
            assign(INFOS, (0.1 * L1()).on("old.*"))

    def test_reference_by_any_name_and_shape_checked(self):
        term = (0.1 * L2()).on(everything() & "embed.*")
        parts = assign(INFOS, term.around({"head.weight": np.ones((9, 4))})).parts
        assert parts["embed.weight"][0].reference.shape == (9, 4)
        with pytest.raises(InputError, match="reference of shape"):
            assign(INFOS, term.around({"embed.weight": np.ones((4, 9))}))
        with pytest.raises(InputError, match=r"did you mean embed\.weight_"):
            assign(INFOS, term.around({"embed.weight_": np.ones((9, 4))}))

    def test_overlaps_name_the_parameter(self):
        two_groups = 0.1 * GroupLasso(per="input") + 0.1 * GroupLasso(per="output")
        with pytest.raises(OverlapError, match=r"conv\.weight: .*GroupLasso"):
            assign(INFOS, two_groups)
        assign(INFOS, two_groups, "gradient")
        mixed = 0.1 * L1() + (0.1 * GroupLasso(per="input")).with_update("decoupled")
        with pytest.raises(OverlapError, match="give both the same update"):
            assign(INFOS, mixed)
        assign(INFOS, 0.1 * L1() + (0.1 * L2()).with_update("decoupled"))
