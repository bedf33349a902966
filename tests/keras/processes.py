"""Which modules of `checks` run on which backend, and in what environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests import processes

EVERYWHERE = (
    "loops",
    "precision",
    "updates",
    "regularizers",
    "refusals",
    "ledger",
    "optimum",
    "velocity",
    "reach",
    "steps",
    "strengths",
)
# Names, roles, axes and what is refused are found before any backend computes.
MODULES = {
    "torch": (*EVERYWHERE, "advice", "layers", "torch_loops"),
    "jax": EVERYWHERE,
    "tensorflow": EVERYWHERE,
}
# What an optimizer's metric is does not depend on who computes it: these run on the others alone,
# and everywhere with --thorough.
ELSEWHERE = {
    "torch": (),
    "jax": ("optimum", "reach", "refusals"),
    "tensorflow": ("optimum", "velocity", "ledger", "updates", "precision"),
}
Answers = Callable[[str], dict[str, dict[str, str]]]


def environment(backend: str, folder: Path) -> dict[str, str]:
    """Return the variables of a process for one backend, with float64 and few words."""
    own = {"KERAS_BACKEND": backend, "CHECKS_FOLDER": str(folder), "JAX_ENABLE_X64": "1"}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    return processes.environment(**own, **quiet)
