"""What an audit can find: one fixed id a rule, with what it means and what it costs in practice.

Who uses this: every audit makes its findings of these rules; documentation, command line and SARIF
list them. The ids are part of the public surface: a test suite may ask for them by name.
"""

from __future__ import annotations

from dataclasses import dataclass

_TORCH = "https://docs.pytorch.org/docs/stable"
_BOOK = "https://www.deeplearningbook.org/contents/regularization.html"
_ADAMW = "https://arxiv.org/abs/1711.05101"
_INVARIANT = "https://arxiv.org/abs/2305.17212"
_DOUBLED = "Twice the chosen strength: test accuracy 0.882 instead of 0.915, on digits."
_DECAYED = "With a learning rate of 1e-3 and a decay of 0.1 it has lost 63 % after 10,000 steps"


@dataclass(frozen=True)
class Rule:
    """One kind of finding.

    Args:
        id: its name.
        severity: what a finding has unless its case says otherwise.
        meaning: half a sentence.
        cost: what it costs, a sentence, with a number where there is one: measured by
            `benchmarks/cost_of_faults.py` ("on digits"), arithmetic, or with its source.
        link: where to read on.
    """

    id: str
    severity: str
    meaning: str
    cost: str
    link: str


_ALL = (
    Rule(
        "no-effect",
        "error",
        "the penalty arrives nowhere",
        "Nothing is regularized: test accuracy 0.861 instead of 0.915, on digits.",
        _BOOK,
    ),
    Rule(
        "selected-unchanged",
        "error",
        "some selected parameters get nothing",
        "They grow as if there were no penalty: with the first of three layers left out, the norm "
        "of the weights ends at 13.3 instead of 7.4, on digits.",
        f"{_TORCH}/generated/torch.nn.Module.html#torch.nn.Module.named_parameters",
    ),
    Rule(
        "unselected-changed",
        "error",
        "parameters that no term selects get something",
        "Small for biases (test accuracy 0.915 with and without, on digits), fatal for what is to "
        "stay: what is shrunk by 1e-4 a step has lost 63 % after 10,000 steps.",
        f"{_TORCH}/optim.html#per-parameter-options",
    ),
    Rule(
        "wrong-factor",
        "error",
        "the penalty arrives with another strength",
        "At a quarter of the chosen strength test accuracy is 0.900 instead of 0.915, at twice "
        "0.882, at four times 0.289, on digits.",
        _BOOK,
    ),
    Rule(
        "double-counted",
        "error",
        "two mechanisms apply the same penalty",
        _DOUBLED,
        _ADAMW,
    ),
    Rule(
        "wrong-direction",
        "error",
        "the push is not along the penalty's gradient",
        "Away from zero at a tenth of the strength, weights end with a norm of 21.3 instead of 7.4 "
        "and test accuracy at 0.852 instead of 0.915; toward it by ‖w‖ in place of ½‖w‖² at 0.883, "
        "on digits.",
        _BOOK,
    ),
    Rule(
        "wrong-update",
        "error",
        "the penalty enters by another update than was asked for",
        "A strength means another problem: an L1 of 0.02 under Adam leaves 7 weights by the update "
        "'proximal', which is the optimum, and 30 by 'decoupled', on breast-cancer.",
        _ADAMW,
    ),
    Rule(
        "not-linear",
        "error",
        "twice the strength does not give twice the push",
        "A strength that is chosen at one scale is another at the next: one that is squared on its "
        "way arrives as 0.0001 where 0.01 is meant.",
        _BOOK,
    ),
    Rule(
        "not-repeatable",
        "error",
        "two calls with the same scale differ",
        "None by itself; but nothing can be measured, so that every other fault may be there.",
        f"{_TORCH}/notes/randomness.html",
    ),
    Rule(
        "not-finite",
        "error",
        "weights or gradients are NaN or infinite",
        "The training is lost: one NaN in the loss makes every weight NaN in 1 step.",
        f"{_TORCH}/autograd.html#torch.autograd.detect_anomaly",
    ),
    Rule(
        "below-resolution",
        "error",
        "the shrink rounds away in the weights' dtype",
        "No decay at all: AdamW with lr = weight_decay = 1e-4 changes no float32 weight in 10,000 "
        "steps, and in bfloat16 all under about 4e-3 a step is lost.",
        f"{_TORCH}/type_info.html",
    ),
    Rule(
        "decays-otherwise",
        "warning",
        "the optimizer's own decay is neither λw nor lr·λ·w",
        "The number means another strength: λ = 0.1 that no learning rate of 0.001 multiplies "
        "halves weights in 7 steps instead of 6,931.",
        _ADAMW,
    ),
    Rule(
        "unlike-known",
        "warning",
        "a known optimizer decays otherwise than it is known to",
        "A strength that was converted for its class is wrong: of AdamW whose decay a subclass "
        "takes away, 0 of 100 % arrives.",
        _ADAMW,
    ),
    Rule(
        "cannot-judge",
        "info",
        "what was seen does not tell the factor",
        "None by itself; the factor of a correct loop can look like anything from 0.3 to 450 where "
        "an adaptive optimizer hides the gradients.",
        _ADAMW,
    ),
    Rule(
        "bias-or-norm-penalised",
        "warning",
        "biases or normalization scales are penalised",
        "Small: with biases penalised, test accuracy was 0.915 as without, on digits; the scale of "
        "a normalization is pulled to 0, which switches its channel off, where 1 does nothing.",
        "https://arxiv.org/abs/1812.01187",
    ),
    Rule(
        "pattern-matches-nothing",
        "error",
        "a term selects no parameter",
        "That term is not there: test accuracy 0.861 instead of 0.915 where it was the only one, "
        "on digits.",
        f"{_TORCH}/generated/torch.nn.Module.html#torch.nn.Module.named_parameters",
    ),
    Rule(
        "not-in-optimizer",
        "error",
        "a penalised parameter is not in the optimizer",
        "It keeps its first values: with the first of three layers outside, test accuracy is 0.906 "
        "instead of 0.915, on digits.",
        f"{_TORCH}/optim.html#constructing-it",
    ),
    Rule(
        "decays-without-gradient",
        "warning",
        "a parameter without a gradient is shrunk",
        f"{_DECAYED} in which the data did not ask for it.",
        f"{_TORCH}/generated/torch.optim.Optimizer.zero_grad.html",
    ),
    Rule(
        "coupled-through-adam",
        "warning",
        "an adaptive optimizer rescales the penalty",
        "With decoupled decay test error was 15 % lower, relative, on CIFAR-10 and ImageNet32x32 "
        "(Loshchilov and Hutter, ICLR 2019); on digits it was not, each at its best strength.",
        _ADAMW,
    ),
    Rule(
        "penalised-twice",
        "error",
        "a parameter is penalised by two settings or two names",
        "Of one kind (error), t"
        + _DOUBLED[1:]
        + " Of two kinds, as a decay beside L1 (warning): an "
        "elastic net, in which neither strength alone is the whole.",
        f"{_TORCH}/optim.html#per-parameter-options",
    ),
    Rule(
        "clipped",
        "warning",
        "the loop scales the data's gradients and not the penalty, or cuts both one by one",
        "Clipped from a norm of 353 to 5, a prox of strength 0.001 weighs as one of 0.07: 100 % "
        "zeros where 40 to 70 % were wanted, in a variational autoencoder.",
        f"{_TORCH}/generated/torch.nn.utils.clip_grad_norm_.html",
    ),
    Rule(
        "scale-invariant",
        "warning",
        "the size of these weights has no effect on the output, or only against their bias",
        "The decay λ regularizes next to nothing there: with learning rate η it sets by how much "
        "weights turn a step, about √(2ηλ), 0.014 for 1e-3 and 0.1 (Kosson, Messmer and Jaggi, "
        "ICML 2024).",
        _INVARIANT,
    ),
    Rule(
        "selected-but-frozen",
        "info",
        "a term selects a parameter that does not train",
        "None by itself; but what is frozen is not regularized, and unfrozen later it is at once.",
        f"{_TORCH}/notes/autograd.html#setting-requires-grad",
    ),
    Rule(
        "frozen-but-decays",
        "error",
        "a frozen parameter is shrunk",
        f"{_DECAYED}: what was pretrained is gone.",
        f"{_TORCH}/notes/autograd.html#setting-requires-grad",
    ),
    Rule(
        "amp-unscaled",
        "error",
        "the penalty missed the loss scale of mixed precision",
        "At torch's first loss scale, 65,536, it arrives 65,536 times too small: not at all.",
        f"{_TORCH}/notes/amp_examples.html",
    ),
    Rule(
        "accumulation-multiplied",
        "error",
        "the penalty is added once for every micro-batch",
        "With 4 micro-batches, four times the strength: test accuracy 0.289 instead of 0.915, on "
        "digits.",
        f"{_TORCH}/notes/amp_examples.html#gradient-accumulation",
    ),
    Rule(
        "collapse",
        "error",
        "at this strength the network will go to zero output",
        "Every input gets one answer: test accuracy 0.101 with a published L1 of 1.0, 0.935 with a "
        "strength from a path, on MNIST (the experiment torch-l1).",
        _BOOK,
    ),
)
RULES: dict[str, Rule] = {rule.id: rule for rule in _ALL}
SEVERITIES = ("error", "warning", "info")
