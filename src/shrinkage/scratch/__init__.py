"""A network in NumPy from first principles, regularized by the same terms as everything else.

Who uses this: people who want to see what a network, its training and its penalties are. It is to
be read, in this order: layers, activations, losses, initialisation, network, optimizers, dropout,
batch_norm, less than 300 lines of code together; then regularization, trainer and fit, which are
the training with terms, and checking. What says what a person got wrong is kept apart from them, in
checks, shapes, modes, own_layers and diverging, and so is what makes a network safe to assign to
and to save, in parameters and saving. It promises right gradients, and the weights that PyTorch
trains from the same start on the same rows, with every penalty and every update. It is not fast.
"""

from __future__ import annotations

from shrinkage.scratch.activations import ReLU, Sigmoid, Tanh
from shrinkage.scratch.batch_norm import BatchNorm
from shrinkage.scratch.checking import gradient_check
from shrinkage.scratch.diverging import TrainingDiverged
from shrinkage.scratch.dropout import Dropout
from shrinkage.scratch.fit import History, fit
from shrinkage.scratch.initialisation import he, xavier
from shrinkage.scratch.layers import Affine, Layer
from shrinkage.scratch.losses import HalfSquaredError, SoftmaxCrossEntropy
from shrinkage.scratch.network import Network
from shrinkage.scratch.optimizers import SGD, Adam, AdamW, Momentum, Optimizer
from shrinkage.scratch.regularization import Regularization
from shrinkage.scratch.trainer import Trainer

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Affine",
    "BatchNorm",
    "Dropout",
    "HalfSquaredError",
    "History",
    "Layer",
    "Momentum",
    "Network",
    "Optimizer",
    "ReLU",
    "Regularization",
    "Sigmoid",
    "SoftmaxCrossEntropy",
    "Tanh",
    "Trainer",
    "TrainingDiverged",
    "fit",
    "gradient_check",
    "he",
    "xavier",
]
