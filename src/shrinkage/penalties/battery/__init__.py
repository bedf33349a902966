"""The promises of a penalty, each a check that raises `PenaltyCheckFailed` with what it got.

Who uses this: `shrinkage.penalties.check_penalty`. Each function takes a `Subject`; its name, with
dashes, is the name of the check. All mathematics is written once, in NumPy, and the subject
carries it to the framework under test. Nothing here is an `assert`, which `python -O` drops.
Every check is seen to fail on a seeded fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from shrinkage.penalties.battery import facts, objects, proxes, stacks, strengths, values
from shrinkage.penalties.battery.subject import Subject

Promise = Callable[[Subject], None]


def _named(*promises: Promise) -> Mapping[str, Promise]:
    return MappingProxyType({check.__name__.replace("_", "-"): check for check in promises})


CHECKS = _named(
    objects.frozen,
    objects.input_untouched,
    values.value_at_zero,
    values.value_nonnegative,
    values.gradient_finite_differences,
    values.gradient_where_nonsmooth,
    facts.smooth_flag,
    facts.convex_flag,
    proxes.prox_step_zero,
    proxes.prox_zeros_are_positive,
    proxes.prox_minimum,
    proxes.prox_three_points,
    proxes.prox_diagonal_metric,
    stacks.stacked_is_one_at_a_time,
    stacks.nan_stays_in_its_model,
    facts.separable_flag,
    proxes.prox_global_minimum,
    proxes.prox_single_valued,
    proxes.prox_is_projection,
    facts.combines_flag,
    values.critical_strength_both_sides,
    values.critical_strength_scales,
    objects.extreme_magnitudes,
    objects.dtype_kept,
    objects.empty_arrays,
    objects.parts_add_up,
    strengths.at_strength,
    strengths.at_stacked_strengths,
)

# The check → what a penalty must say of itself for it to be due.
DUE_WHERE: Mapping[str, str] = MappingProxyType(
    {
        "gradient-finite-differences": "finite",
        "gradient-where-nonsmooth": "finite",
        "at-strength": "finite",
        "smooth-flag": "smooth",
        "convex-flag": "convex",
        "separable-flag": "separable",
        "prox-diagonal-metric": "diagonal",
        "value-at-zero": "zero_at_zero",
        "extreme-magnitudes": "zero_at_zero",
        "prox-three-points": "convex",
        "prox-global-minimum": "separable",
        "prox-single-valued": "separable",
    }
)
