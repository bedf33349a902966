"""What is known of one parameter of a network, in no framework's terms.

Who uses this: selections (which parameters), terms (who is penalised, and why), and the framework
packages, which describe a model as a sequence of these records.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from shrinkage.errors import InputError

# role → what the word means; the table gives it as the reason for no default penalty.
ROLES = {
    "weight": "a weight of a layer",
    "bias": "a bias",
    "norm": "a normalization scale",
    "embedding": "an embedding",
    "other": "no weight of a layer",
}


@dataclass(frozen=True)
class Place:
    """What a layer, or a name, says of one of its arrays, in no framework's terms.

    Args:
        role: as in `ParameterInfo`, and so are the next three.
        kind: the kind of layer.
        input_axis: may count from the end of the shape.
        output_axis: the same.
        rank: how many axes the layer gives the array, where it says so.
        note: what else a reader of the table should know.
    """

    role: str
    kind: str = "custom"
    input_axis: int | None = None
    output_axis: int | None = None
    rank: int | None = None
    note: str = ""


@dataclass(frozen=True)
class InputGroups:
    """Which input units of a layer belong together, and which are free of every penalty.

    Args:
        labels: one for each input unit: those with equal labels come from one source.
        free: ascending numbers of the units whose weights no term penalises.

    Raises:
        InputError: no unit is left, or a free one is not there.

    >>> InputGroups(("age", "city", "city"), free=(0,)).penalised
    (1, 2)
    """

    labels: tuple[Hashable, ...]
    free: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not set(self.free) < set(range(len(self.labels))):
            raise InputError(
                f"expected some of {len(self.labels)} inputs to be free and some penalised, got "
                f"{len(set(self.free))} free ones: leave one at least to the penalty"
            )

    @property
    def penalised(self) -> tuple[int, ...]:
        """The units whose weights terms are on, in ascending order."""
        free = set(self.free)
        return tuple(unit for unit in range(len(self.labels)) if unit not in free)

    @property
    def any_together(self) -> bool:
        """Whether some units share a label."""
        return len(set(self.labels)) < len(self.labels)


@dataclass(frozen=True)
class ParameterInfo:
    """One parameter: its name and shape, what it is for, and along which axes its units lie.

    Args:
        name: full name, as `named_parameters` gives it.
        shape: axes of one model's array.
        role: "weight", "bias", "norm", "embedding" or "other"; terms are on weights by default.
        kind: kind of layer ("linear", "conv", "recurrent", "attention", "embedding", "norm", …).
        input_axis: axis along which the layer's input units lie, None if there is none.
        output_axis: the same for output units.
        aliases: further names of the same array (tied parameters).
        trainable: whether training changes it.
        note: what else a reader of the table should know.
        input_groups: which of the input units belong together, and which are free.
        real: whether its numbers are real, as penalties take them.

    Raises:
        InputError: an unknown role.

    >>> ParameterInfo("0.weight", (32, 64), "weight", "linear", input_axis=1, output_axis=0).size
    2048
    """

    name: str
    shape: tuple[int, ...]
    role: str = "weight"
    kind: str = "custom"
    input_axis: int | None = None
    output_axis: int | None = None
    aliases: tuple[str, ...] = ()
    trainable: bool = True
    note: str = ""
    input_groups: InputGroups | None = None
    real: bool = True

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise InputError(
                f"expected a role of {', '.join(ROLES)}, got {self.role!r}: choose one of those"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of the array, the first one first."""
        return (self.name, *self.aliases)

    @property
    def size(self) -> int:
        """How many numbers the array holds."""
        count = 1
        for length in self.shape:
            count *= length
        return count


def infos_from_arrays(arrays: Iterable[tuple[str, tuple[int, ...]]]) -> tuple[ParameterInfo, ...]:
    """Return infos from names and shapes alone: two or more axes are a weight, fewer a bias.

    Args:
        arrays: (name, shape) pairs, in PyTorch's layout (out, in, …).

    Returns:
        One `ParameterInfo` a pair.

    >>> [info.role for info in infos_from_arrays([("w", (3, 2)), ("b", (3,))])]
    ['weight', 'bias']
    """
    return tuple(
        ParameterInfo(name, tuple(shape), "weight", "array", input_axis=1, output_axis=0)
        if len(shape) >= 2
        else ParameterInfo(name, tuple(shape), "bias", "array")
        for name, shape in arrays
    )
