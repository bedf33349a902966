"""What a column's cells mean, decided by a look at the whole column and told back.

Who uses this: `datasets.columns`. One file a kind of column judges it (`numbers`, `dates`,
`levels`); the `forms` beside them decide how such cells are written, and read them again by the
rule that was decided. It promises that nothing is guessed cell by cell, and that a cell means in
prediction what it meant in training.
"""
