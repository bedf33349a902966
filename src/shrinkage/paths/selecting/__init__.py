"""Which columns matter, with a bound on how many are named for nothing."""
