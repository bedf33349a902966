"""Models of other kinds on the same folds and test rows, so that one knows what a network adds."""
