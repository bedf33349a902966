"""Which layers can be stacked, one entry each."""
