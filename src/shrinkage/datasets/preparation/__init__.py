"""How raw columns become network inputs: one file a kind of column.

Who uses this: paths fit a `Preprocessing` per fold; a run directory keeps it as JSON; `predict`
applies it to raw rows.
"""
