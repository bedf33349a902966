"""`shrinkage convert` and `shrinkage timescale`: what they print, and one line for bad input."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from shrinkage.conventions import convention_names
from tests.cli.command_line import refused, shrinkage

PAIR = ("--from", "keras.l2", "--to", "torch.sgd.weight_decay")


def test_a_conversion_is_three_lines() -> None:
    answer = shrinkage("convert", "0.01", *PAIR)
    assert (answer.status, answer.err) == (0, "")
    first, formula, valid = answer.out.splitlines()
    assert first == "keras.l2 = 0.01 is torch.sgd.weight_decay = 0.02"
    assert formula == "formula: torch.sgd.weight_decay = 2 · keras.l2 = 2 · 0.01 = 0.02"
    assert valid.startswith("valid when: exact at every step")


def test_every_context_reaches_the_conversion() -> None:
    for value, source, target, options, expected in (
        ("4", "sklearn.Ridge.alpha", "keras.l2", ("--samples", "100"), 0.02),
        ("4", "sklearn.MLPClassifier.alpha", "keras.l2", ("--batch-size", "10"), 0.2),
        ("0.1", "fastai.wd", "tfa.adamw.weight_decay", ("--learning-rate", "0.5"), 0.05),
        ("10", "timescale.epochs", "timescale.steps", ("--steps-per-epoch", "7"), 70),
        ("0.1", "glmnet.lambda", "keras.l1_l2", ("--l1-ratio", "0.5"), [0.05, 0.025]),
        ("0.1", "keras.l1", "sklearn.Lasso.alpha", ("--loss", "squared_error"), 0.05),
        ("0.1,0.2", "keras.l1_l2", "shrinkage.elastic_net", (), 0.5),
        ("1e-4", "independent.weight_decay", "fastai.wd", ("--max-learning-rate", "0.01"), 0.01),
        ("0.1", "torch.muon.weight_decay", "keras.muon.weight_decay", ("--fan-in", "100"), 0.2),
    ):
        answer = shrinkage("convert", value, "--from", source, "--to", target, *options, "--json")
        assert answer.status == 0, answer.err
        assert json.loads(answer.out)["value"] == pytest.approx(expected), source


def test_json_has_the_whole_answer() -> None:
    fields = json.loads(shrinkage("convert", "0.01", *PAIR, "--json").out)
    assert fields["value"] == 0.02
    assert fields["holds"] == "every_step"
    names = {"formula", "valid_when", "source", "target", "given", "l1_ratio"}
    assert names | {"learning_rate_factor"} <= set(fields)


def test_the_list_names_every_convention() -> None:
    text = shrinkage("convert", "--list")
    assert text.status == 0
    assert all(name in text.out for name in convention_names())
    rows = json.loads(shrinkage("convert", "--list", "--json").out)
    assert [row["name"] for row in rows] == list(convention_names())


@pytest.mark.parametrize(
    ("arguments", "pieces"),
    [
        (("abc", *PAIR), ("expected a number", "'abc'")),
        (("-1", *PAIR), ("finite number of at least 0", "-1")),
        (("-.5", *PAIR), ("finite number of at least 0", "-0.5")),
        (("-1e3,2", "--from", "keras.l1_l2", "--to", "keras.l1_l2"), ("at least 0", "-1000.0")),
        (("-2x", *PAIR), ("No such option", "see shrinkage convert -h")),
        (("nan", *PAIR), ("finite number of at least 0", "nan")),
        (("1,2", *PAIR), ("keras.l2 as a finite number", "(1.0, 2.0)")),
        ((), ("expected VALUE --from A --to B", "got no number", "--list")),
        (("0.1", "--from", "keras.l2"), ("got no --to",)),
        (("0.1", "--from", "kears.l2", "--to", "keras.l2"), ("did you mean keras.l2",)),
        (("0.1", "--from", "keras.l2", "--to", "fastai.wd"), ("no equal fastai.wd", "nearest")),
        (
            (
                *("0.1", "--from", "cautious.weight_decay", "--to", "torch.adamw.weight_decay"),
                *("--decayed-share", "0.5"),
            ),
            ("no equal torch.adamw.weight_decay", "nearest", "= 0.05"),
        ),
        (
            ("0.1", "--from", "torch.muon.weight_decay", "--to", "keras.muon.weight_decay"),
            ("expected fan_in", "got none", "shape of the matrix"),
        ),
        (("0.1", *PAIR, "--samples", "3"), ("expected no n_samples", "leave it out")),
        (("0.1", "--from", "sklearn.Ridge.alpha", "--to", "keras.l2"), ("n_samples", "none")),
        (("0.1", *PAIR, "--samples", "x"), ("samples", "see shrinkage convert -h")),
    ],
)
def test_bad_conversions_are_one_line(tmp_path, arguments, pieces) -> None:
    refused(tmp_path, ("convert", *arguments), *pieces)


RATE = ("timescale", "--learning-rate", "1e-2", "--weight-decay", "0.5")
ROWS = ("--samples", "10000", "--batch-size", "100")


def test_a_timescale_is_placed_and_scaled() -> None:
    answer = shrinkage(*RATE, *ROWS, "--epochs", "50")
    assert (answer.status, answer.err) == (0, "")
    for piece in (
        "timescale: 1 / (0.01 · 0.5) = 200 steps = 2 epochs",
        "within the published range",
        "√(2 · 0.01 · 0.5) = 0.1 radians (by 0.02294 under AdamW",
        "weight_decay from 0.02 to 1",
        "2405.13698",
        "2505.13738",
        "2510.15262",
        "2510.19093",
    ):
        assert piece in answer.out
    rows = {
        cells[0]: cells[1:]
        for cells in (re.split("  +", line.strip()) for line in answer.out.splitlines())
        if len(cells) == 5
    }
    assert rows == {
        "twice the samples": ["0.25", "0.3602", "-", "-"],
        "twice the epochs": ["0.5", "0.3602", "-", "-"],
        "twice the batch": ["1", "1", "-", "-"],
        "twice the width, half the learning rate": ["1", "0.4816", "0.7071", "1"],
    }
    assert "rounds to 1" not in answer.out


def test_a_timescale_for_machines() -> None:
    fields = json.loads(shrinkage(*RATE, *ROWS, "--json").out)
    assert (fields["steps"], fields["epochs"], fields["place"]) == (200, 2, "no_end")
    assert fields["rotation"] == pytest.approx(0.1)
    none = shrinkage("timescale", "--learning-rate", "1", "--weight-decay", "0", "--json")
    assert json.loads(none.out)["steps"] is None
    asked = json.loads(shrinkage(*RATE, "--scale", "width=4, learning_rate=0.25", "--json").out)
    ((change, scaled),) = asked["scaled"].items()
    assert change == "width=4, learning_rate=0.25"
    assert scaled["root-width"] == {"matrices": 1.0, "vectors": 0.0}
    assert scaled["timescale"] == {"matrices": 2.0, "vectors": None}


def test_a_decay_that_does_nothing_is_named() -> None:
    lost = shrinkage("timescale", "--learning-rate", "1e-4", "--weight-decay", "1e-4")
    assert "rounds to 1: this decay changes no weight" in lost.out
    none = shrinkage("timescale", "--learning-rate", "1", "--weight-decay", "0")
    assert none.out.startswith("weight_decay is 0: nothing decays")


@pytest.mark.parametrize(
    ("options", "pieces"),
    [
        (("--samples", "10"), ("samples and batch_size together", "batch_size=None")),
        (("--samples", "10", "--batch-size", "20"), ("at most the 10 samples", "20")),
        (("--epochs", "0"), ("epochs as a finite number above 0",)),
        (("--scale", "wdth=2"), ("--scale as factors of samples", "did you mean width?")),
        (("--scale", "width=2,width=3"), ("width once", "'width=2,width=3'", "name each once")),
        (("--scale", "width"), ("a number for width", "write width=2")),
        (("--scale", "width=0"), ("the factor of width as a finite number above 0",)),
    ],
)
def test_bad_timescales_are_one_line(tmp_path, options, pieces) -> None:
    refused(tmp_path, (*RATE, *options), *pieces)


def test_the_page_shows_what_the_command_prints() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "timescale.md").read_text("utf-8")
    command = page.partition("```bash\n")[2].partition("\n```")[0]
    printed = page.partition("```text\n")[2].partition("```")[0]
    assert shrinkage(*command.split()[1:]).out == printed
