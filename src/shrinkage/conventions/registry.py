"""The one registry of conventions, read by `convert`, the command line and the documentation.

Adding a convention is one record in the file of its library, and a test that runs it.
"""

from __future__ import annotations

from shrinkage.conventions import (
    decay_rules,
    keras,
    lassonet,
    muon,
    optax,
    own,
    published,
    pytorch,
    scikit_learn,
    skglm,
)
from shrinkage.conventions.base import Convention
from shrinkage.conventions.errors import UnknownConvention
from shrinkage.errors import near_names

_FAMILIES = (
    own,
    pytorch,
    keras,
    optax,
    muon,
    scikit_learn,
    skglm,
    lassonet,
    published,
    decay_rules,
)

REGISTRY: dict[str, Convention] = {
    convention.name: convention for family in _FAMILIES for convention in family.CONVENTIONS
}


def convention_names() -> tuple[str, ...]:
    """Return the names of all conventions.

    >>> [name for name in convention_names() if name.startswith("torch.")]
    ['torch.sgd.weight_decay', 'torch.adam.weight_decay', 'torch.adamw.weight_decay', \
'torch.muon.weight_decay', 'torch.muon.match_rms_adamw.weight_decay']
    """
    return tuple(REGISTRY)


def convention_named(name: str) -> Convention:
    """Return the convention with this name.

    Args:
        name: a key of the registry.

    Returns:
        The record.

    Raises:
        UnknownConvention: there is none; near names are offered.

    >>> convention_named("keras.l2").meaning
    'mean loss + value·Σw²'
    >>> convention_named("keras.L2")
    Traceback (most recent call last):
    shrinkage.conventions.errors.UnknownConvention: expected the name of a convention, got \
'keras.L2': did you mean keras.l2?
    """
    if isinstance(name, str) and name in REGISTRY:
        return REGISTRY[name]
    start = str(name).lower()
    begun = [known for known in REGISTRY if start and known.lower().startswith(start)][:3]
    hint = f"did you mean {' or '.join(begun)}?" if begun else near_names(str(name), REGISTRY)
    hint = hint or "shrinkage convert --list names them all"
    raise UnknownConvention(f"expected the name of a convention, got {name!r}: {hint}")
