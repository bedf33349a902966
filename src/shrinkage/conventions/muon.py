"""Conventions of Muon in torch, optax and Keras: one rule of decay, two scales of the update.

All three take w ← w·(1 − lr·value) and then w ← w − lr·scale·orthogonal(momentum), where the decay
is multiplied by the learning rate and the update by a scale of the matrix's shape as well. So the
same number decays by the same share a step in all of them, but against updates of another size;
`convert` gives the number together with the learning rate that makes both equal.

With a matrix of `fan_in` inputs the scales are √(larger side / fan_in), Jordan's, and 0.2 ·
√(larger side), that of Liu et al. (arXiv 2502.16982), whose update has the size of Adam's.
"""

from __future__ import annotations

from fractions import Fraction

from shrinkage.conventions.base import Convention, Mechanism, Penalises, TrainedBy
from shrinkage.conventions.expressions import Product, root

ORIGINAL = root("larger_side") / root("fan_in")
MATCH_RMS = Fraction(1, 5) * root("larger_side")
_TEXTS = {
    ORIGINAL.text(): "√max(1, outputs / inputs)",
    MATCH_RMS.text(): "0.2·√max(outputs, inputs)",
}


def _muon(name: str, scale: Product, valid_when: str, source: str) -> Convention:
    return Convention(
        name=f"{name}.weight_decay",
        meaning=f"w ← w·(1 − lr·value); w ← w − lr·{_TEXTS[scale.text()]}·orthogonal(momentum)",
        penalises=Penalises.L2,
        mechanism=Mechanism.DECOUPLED,
        trainer=TrainedBy.MUON,
        update_scale=scale,
        valid_when=valid_when,
        source=source,
    )


CONVENTIONS = (
    _muon(
        "torch.muon",
        ORIGINAL,
        "torch's Muon has adjust_lr_fn=None, its default, or 'original', and orthogonalizes in "
        "bfloat16",
        "torch/optim/_muon.py, _single_tensor_muon and _adjust_lr",
    ),
    _muon(
        "torch.muon.match_rms_adamw",
        MATCH_RMS,
        "torch's Muon has adjust_lr_fn='match_rms_adamw', and orthogonalizes in bfloat16",
        "torch/optim/_muon.py, _single_tensor_muon and _adjust_lr",
    ),
    _muon(
        "optax.contrib.muon",
        ORIGINAL,
        "optax's muon has consistent_rms=None, its default (with 0.2 it is "
        "torch.muon.match_rms_adamw); with nesterov=True its first steps differ, since it corrects "
        "the bias of both averages; other than matrices have adam_weight_decay",
        "optax/contrib/_muon.py, muon and scale_by_shape",
    ),
    _muon(
        "keras.muon",
        MATCH_RMS,
        "Keras' Muon has rms_rate=0.2, its default; embeddings, exclude_layers and other than "
        "matrices have adam_weight_decay",
        "keras/src/optimizers/muon.py, _apply_weight_decay and lr_adjust",
    ),
)
