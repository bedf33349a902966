"""Columns that a penalty has switched off leave the arrays of a stack, and come back if they must.

Who uses this: the stacked engine, for tables of few rows and many columns whose first layer has
L1 or a group lasso by input, every batch being all rows. It promises the weights that the whole
stack would have had, up to rounding (float64: 1e-6 and less after a training).

Why it can: with all rows in every batch the gradient of a column x, (rows,), is G x for one matrix
G (units, rows) a model and step. So Adam's moments of every column, there or not, are known from
two small running means over the rows (`past.py`): M x and xᵀ S x. A column of zeros stays zero
while |M x| ≤ λ(1 − β1ᵗ) in each unit (L1), or ‖M x‖ ≤ λ√units·(1 − β1ᵗ) (groups), whatever its
second moment; a bound on how far M has moved since the last look spares most looks (`watch.py`).
A stack is cut into shards of neighbouring models (`cutting.py`), each with the columns that any of
its models needs (`shard.py`); `training.py` takes the steps and cuts anew.
"""
