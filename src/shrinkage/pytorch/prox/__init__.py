"""The proximal step in place: `shrink` finds the fastest exact route for the parts of a parameter.

Who uses this: the updates and the attachment. `soft` and `group` work through the weights in
blocks that stay in the cache, `kernels` are compiled, `batched` does many small parameters in one
call, and `rounding` keeps what a dtype would lose.
"""
