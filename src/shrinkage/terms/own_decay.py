"""What to say where an optimizer decays by itself the parameters that terms are on.

Who uses this: the frameworks whose optimizers may have a `weight_decay` of their own. L2 beside it
counts the squares twice; another penalty beside it is a mixture, which may be meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shrinkage.terms.part import Part, present


def words_of_own_decay(
    kind: str, decays: Mapping[str, float], parts: Mapping[str, Sequence[Part]]
) -> str:
    """Return the warning, or nothing where no term that is not 0 meets a decay.

    Args:
        kind: the optimizer's class.
        decays: a parameter's name → the optimizer's own decay of it.
        parts: a parameter's name → what terms have on it.

    >>> from shrinkage.penalties import L2
    >>> words_of_own_decay("AdamW", {"w": 0.01}, {"w": [Part(0.0, L2())]})
    ''
    >>> print(words_of_own_decay("AdamW", {"w": 0.01}, {"w": [Part(0.1, L2())]}))
    AdamW has its own weight_decay=0.01 on 1 parameters that also have terms (w), so they are \
penalised twice: build it with AdamW(…, weight_decay=0), or drop the L2 term
    """
    acting = {name: present(on_it) for name, on_it in parts.items()}
    both = [name for name, on_it in acting.items() if on_it and decays.get(name, 0.0) != 0]
    twice = [name for name in both if any(part.is_decay for part in acting[name])]
    names = twice or both
    if not names:
        return ""
    effect, remedy = ("are penalised twice", "drop the L2 term")
    if not twice:
        effect, remedy = ("have a mixture of both", "keep both knowingly")
    return (
        f"{kind} has its own weight_decay={decays[names[0]]:g} on {len(names)} parameters that "
        f"also have terms ({', '.join(names[:3])}{', …' if len(names) > 3 else ''}), so they "
        f"{effect}: build it with {kind}(…, weight_decay=0), or {remedy}"
    )
