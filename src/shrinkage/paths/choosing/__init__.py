"""The grid of strengths, the scores of its models over the folds, and the rules that choose."""
