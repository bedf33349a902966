"""The solver of linear models: add a loss in `losses`, a penalty in `norms`."""

from shrinkage.paths.engines.linear.engine import LinearEngine

__all__ = ["LinearEngine"]
