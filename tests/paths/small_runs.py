"""The options of a small path on digits, and what two runs of it have to share."""

from __future__ import annotations

SMALL = {"strengths": 4, "folds": 3, "epochs": 4, "seed": 1}


def without_times(summary):
    return {key: value for key, value in summary.items() if key != "wall_seconds"}
