"""The sparsity path: one network, dense first and then ever smaller, and the size that is chosen.

Who uses this: `shrinkage.paths.fit`, where `PathOptions.goal` is set. A goal says what is made few
(weights, or inputs) and what is asked of the network; everything else is the path that is there:
compressions are the strengths of a `Cardinality` penalty, so settings, folds, scores, the refit,
the run directory and the report are those of every path. What is new is an engine, whose models are
one network at ever smaller sizes, and a rule, which looks at sizes beside scores.
"""
