"""What a source is read by: one file a format.

Who uses this: `load_dataset` and `read_rows`. It promises raw values and complaints in one line.
The reading is done by pyarrow, pandas, NumPy and scikit-learn; what is written here finds the line
of a bad cell.
"""
