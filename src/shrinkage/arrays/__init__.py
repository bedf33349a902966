"""The dozen array functions that NumPy, torch and JAX share, found from the array itself.

Who uses this: the penalties, and whoever writes mathematics once for every framework. It promises
that no framework is imported that is not already loaded (an array of it exists, so it is), that
results keep the dtype and device of the weights, and that no argument is changed.
"""

from __future__ import annotations

from shrinkage.arrays.functions import (
    kept_where_zero,
    model_axes,
    norm,
    per_model,
    positive_zeros,
    product,
    scaled_by_largest,
)
from shrinkage.arrays.libraries import (
    Array,
    Axes,
    Library,
    as_number,
    floating_library,
    is_traced,
    library_of,
)

__all__ = [
    "Array",
    "Axes",
    "Library",
    "as_number",
    "floating_library",
    "is_traced",
    "kept_where_zero",
    "library_of",
    "model_axes",
    "norm",
    "per_model",
    "positive_zeros",
    "product",
    "scaled_by_largest",
]
