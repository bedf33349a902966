"""Training frameworks: one file each, which says when its training begins and ends.

Who uses this: people, as `shrinkage.pytorch.lightning`, `.transformers` and `.skorch`. What the
callbacks share is `sessions`; supporting one more framework is one new file here, and one that
gives it its public name.
"""
