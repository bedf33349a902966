"""What a strength buys is told as a gain only where the folds tell it from none."""

from __future__ import annotations

from dataclasses import replace

from shrinkage.paths.results import ComparedModel, ConstantScore, Difference, EarlyStop
from shrinkage.reports.example import example_result
from shrinkage.reports.gain import gain_sentence
from shrinkage.reports.models_table import model_rows
from shrinkage.reports.page import render_page


def pairs(*told: tuple[str, float, float]) -> tuple[Difference, ...]:
    return tuple(Difference("best", against, value, error) for against, value, error in told)


def test_a_gain_below_two_standard_errors_is_none():
    result = replace(example_result(), differences=pairs(("unregularized", 0.006, 0.004)))
    assert gain_sentence(result).endswith("+0.6 ± 0.4 points of accuracy, not told from none.")
    result = replace(example_result(), differences=pairs(("unregularized", 0.006, 0.002)))
    assert gain_sentence(result).endswith("accuracy, better.")
    result = replace(example_result(), differences=pairs(("unregularized", -0.006, 0.002)))
    assert gain_sentence(result).endswith("accuracy, worse.")


def test_pure_noise_is_said_not_to_beat_a_constant():
    differences = pairs(("unregularized", 0.05, 0.01), ("constant", 0.06, 0.04))
    result = replace(example_result(), differences=differences)
    assert "without inputs: +6.0 ± 4.0 points of accuracy, not told from none" in gain_sentence(
        result
    )


def test_the_table_has_baseline_constant_and_other_models():
    result = replace(
        example_result(),
        differences=pairs(("early_stop", 0.01, 0.02), ("random forest", -0.02, 0.004)),
        early_stop=EarlyStop(12, 60, 0.961, 0.2),
        constant=ConstantScore(0.5, 0.52, 0.69, 0.69),
        compared=(ComparedModel("random forest", 0.98, 0.97, 0.1, 0.1, 3.2),),
    )
    rows = {row.key: row for row in model_rows(result)}
    assert rows["early_stop"].apart == "+1.0 ± 2.0"
    assert rows["constant"].cv_log_loss == "0.690"
    assert rows["random forest"].seconds == "3.2 s"
    assert "accuracy worse than random forest" in gain_sentence(result)
    page = " ".join(render_page(result, ()).replace("\u00a0", " ").split())
    for text in (
        "unregularized to epoch 12 of 60",
        "without inputs",
        "random forest",
        "−2.0 ± 0.4",
    ):
        assert text in page
