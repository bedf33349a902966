"""The experiments of three introductory texts: as published, what the audit says, what works.

Who uses this: people who read such texts, `shrinkage example NAME`, and `examples/NAME.py` of the
source tree, which calls that. The experiments live here and not in that folder, because
an installed package has no such folder. Each promises its stated numbers: `make examples` runs
them all and fails when one is not met. Importing this loads no framework.
"""

from __future__ import annotations

from shrinkage.examples.outcome import Check, Outcome, Table, Text
from shrinkage.examples.registry import EXPERIMENTS, Experiment, experiment_named
from shrinkage.examples.runner import run_experiment

__all__ = [
    "EXPERIMENTS",
    "Check",
    "Experiment",
    "Outcome",
    "Table",
    "Text",
    "experiment_named",
    "run_experiment",
]
