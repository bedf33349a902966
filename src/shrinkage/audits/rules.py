"""What an audit can find: one fixed id a rule, with what it means.

Who uses this: every audit makes its findings of these rules; documentation and command line list
them. The ids are part of the public surface: a test suite may ask for them by name.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One kind of finding; `severity` is what it has unless the case says otherwise."""

    id: str
    severity: str
    meaning: str


_ALL = (
    Rule("no-effect", "error", "the penalty arrives nowhere"),
    Rule("selected-unchanged", "error", "some selected parameters get nothing"),
    Rule("unselected-changed", "error", "parameters that no term selects get something"),
    Rule("wrong-factor", "error", "the penalty arrives with another strength"),
    Rule("double-counted", "error", "two mechanisms apply the same penalty"),
    Rule("wrong-direction", "error", "the push is not along the penalty's gradient"),
    Rule("wrong-update", "error", "the penalty enters by another update than was asked for"),
    Rule("not-linear", "error", "twice the strength does not give twice the push"),
    Rule("not-repeatable", "error", "two calls with the same scale differ"),
    Rule("not-finite", "error", "weights or gradients are NaN or infinite"),
    Rule("below-resolution", "error", "the shrink rounds away in the weights' dtype"),
    Rule("cannot-judge", "info", "what was seen does not tell the factor"),
    Rule("bias-or-norm-penalised", "warning", "biases or normalization scales are penalised"),
    Rule("pattern-matches-nothing", "error", "a term selects no parameter"),
    Rule("not-in-optimizer", "error", "a penalised parameter is not in the optimizer"),
    Rule("decays-without-gradient", "warning", "a parameter without a gradient is shrunk"),
    Rule("coupled-through-adam", "warning", "an adaptive optimizer rescales the penalty"),
    Rule("penalised-twice", "error", "a parameter is penalised by two settings or two names"),
    Rule("scale-invariant", "warning", "the size of these weights has no effect on the output"),
    Rule("selected-but-frozen", "info", "a term selects a parameter that does not train"),
    Rule("frozen-but-decays", "error", "a frozen parameter is shrunk"),
    Rule("amp-unscaled", "error", "the penalty missed the loss scale of mixed precision"),
    Rule("accumulation-multiplied", "error", "the penalty is added once for every micro-batch"),
    Rule("collapse", "error", "at this strength the network will go to zero output"),
)
RULES: dict[str, Rule] = {rule.id: rule for rule in _ALL}
SEVERITIES = ("error", "warning", "info")
