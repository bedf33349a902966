"""From rows to units, and units run: the plan, runners, the store of what is done, progress."""
