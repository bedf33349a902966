"""The promises of a penalty, each a check that raises AssertionError with what it found.

Who uses this: `shrinkage.penalties.check_penalty`. Each function takes a `Subject` and asserts;
its name, with dashes, is the name of the check. All mathematics is written once, in NumPy, and the
subject carries it to the framework under test. Every check is seen to fail on a seeded fault.
"""

from __future__ import annotations

from collections.abc import Callable

from shrinkage.penalties.battery.objects import (
    dtype_kept,
    extreme_magnitudes,
    frozen,
    input_untouched,
    parts_add_up,
)
from shrinkage.penalties.battery.proxes import (
    prox_diagonal_metric,
    prox_minimum,
    prox_step_zero,
    prox_three_points,
    prox_zeros_are_positive,
)
from shrinkage.penalties.battery.stacks import nan_stays_in_its_model, stacked_is_one_at_a_time
from shrinkage.penalties.battery.subjects import Subject
from shrinkage.penalties.battery.values import (
    critical_strength_both_sides,
    critical_strength_scales,
    gradient_at_kinks,
    gradient_finite_differences,
    smooth_flag,
    value_at_zero,
    value_nonnegative,
)

PROMISES: tuple[Callable[[Subject], None], ...] = (
    frozen,
    input_untouched,
    value_at_zero,
    value_nonnegative,
    gradient_finite_differences,
    gradient_at_kinks,
    smooth_flag,
    prox_step_zero,
    prox_zeros_are_positive,
    prox_minimum,
    prox_three_points,
    prox_diagonal_metric,
    stacked_is_one_at_a_time,
    nan_stays_in_its_model,
    critical_strength_both_sides,
    critical_strength_scales,
    extreme_magnitudes,
    dtype_kept,
    parts_add_up,
)
