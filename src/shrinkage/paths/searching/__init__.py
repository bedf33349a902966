"""Searches: more than three axes at once, a batch of trials in one stack, by Optuna's TPE."""
