"""Runs in this process: torch, this library, scikit-learn, and the published formulas in NumPy."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge, SGDClassifier
from sklearn.neural_network import MLPClassifier
from torch.nn import functional

import shrinkage
from shrinkage.pytorch import regularize
from tests.conventions.problem import EPSILON_OF_LOG_SUM, GAMMA, data_gradient

Run = dict[str, Any]


def torch_loss(run: Run, output: torch.Tensor) -> torch.Tensor:
    """Return the data loss by torch's own functions."""
    y = torch.tensor(run["y"], dtype=torch.float64).reshape(output.shape)
    if run["loss"] == "logistic":
        return functional.binary_cross_entropy_with_logits(output, y)
    return functional.mse_loss(output, y) * (1.0 if run["loss"] == "squared" else 0.5)


def torch_steps(run: Run, kind: type, terms: Any = None, update: str = "gradient", **options: Any):
    """Train a linear layer with an optimizer of torch, this library's terms attached or not."""
    outputs = np.array(run["start"]).reshape(len(run["start"]), -1).shape[1]
    model = torch.nn.Linear(len(run["start"]), outputs, bias=False, dtype=torch.float64)
    model.weight.data.T[:] = torch.tensor(run["start"], dtype=torch.float64).reshape(-1, outputs)
    optimizer = kind(model.parameters(), lr=run["learning_rate"], **options)
    if terms is not None:
        regularize(optimizer, model, terms, update=update)
    X = torch.tensor(run["X"], dtype=torch.float64)
    for _ in range(run["steps"]):
        optimizer.zero_grad()
        torch_loss(run, model(X)).backward()
        optimizer.step()
    return model.weight.detach().numpy().T.reshape(np.shape(run["start"])).copy()


def _sgd(run: Run) -> np.ndarray:
    return torch_steps(run, torch.optim.SGD, weight_decay=run["number"])


def _adam(run: Run) -> np.ndarray:
    return torch_steps(run, torch.optim.Adam, weight_decay=run["number"], eps=run["epsilon"])


def _adamw(run: Run) -> np.ndarray:
    return torch_steps(run, torch.optim.AdamW, weight_decay=run["number"], eps=run["epsilon"])


def torch_muon(run: Run, **options: Any) -> np.ndarray:
    """Train with torch's Muon, which orthogonalizes in bfloat16 and here in float64."""
    options = {"nesterov": False, "eps": run["epsilon"], **options}
    with patch.object(torch.Tensor, "bfloat16", torch.Tensor.clone):
        return torch_steps(run, torch.optim.Muon, weight_decay=run["number"], **options)


def _own(penalty: Any, run: Run) -> np.ndarray:
    return torch_steps(run, torch.optim.SGD, terms=run["number"] * penalty)


def _own_decoupled(run: Run) -> np.ndarray:
    terms = run["number"] * shrinkage.L2()
    return torch_steps(run, torch.optim.Adam, terms, "decoupled", eps=run["epsilon"])


def _sgd_classifier(run: Run) -> np.ndarray:
    model = SGDClassifier(
        loss="log_loss",
        penalty="elasticnet",
        l1_ratio=run["l1_ratio"],
        alpha=run["number"],
        learning_rate="constant",
        eta0=run["learning_rate"],
        fit_intercept=False,
        shuffle=False,
    )
    X, y = np.array(run["X"]), np.array(run["y"])
    ends = []
    for row in range(len(y)):
        # it steps after every sample; the mean of the single steps is the step of the mean loss
        model.partial_fit(X[:1], y[:1], classes=[0, 1])
        model.coef_[0] = run["start"]
        for _ in range(run["steps"] if len(y) == 1 else 1):
            model.partial_fit(X[[row]], y[[row]])
        ends.append(model.coef_[0].copy())
    return np.mean(ends, axis=0)


def _mlp_classifier(run: Run) -> np.ndarray:
    X, y = np.array(run["X"]), np.array(run["y"])
    model = MLPClassifier(
        hidden_layer_sizes=(),
        solver="sgd",
        alpha=run["number"],
        learning_rate_init=run["learning_rate"],
        momentum=0,
        nesterovs_momentum=False,
        batch_size=len(y),
        shuffle=False,
        random_state=0,
    )
    model.partial_fit(X, y, classes=[0, 1])
    model.coefs_[0][:, 0] = run["start"]
    for _ in range(run["steps"]):
        # the others have no intercept
        model.intercepts_[0][:] = 0
        model.partial_fit(X, y)
    return model.coefs_[0][:, 0].copy()


def _linear(kind: type, run: Run, **options: Any) -> np.ndarray:
    model = kind(alpha=run["number"], fit_intercept=False, **options)
    return model.fit(np.array(run["X"]), np.array(run["y"])).coef_


def _skglm(name: str, run: Run, **options: Any) -> np.ndarray:
    import skglm  # it compiles its solvers, which takes a while

    kind, exact = getattr(skglm, name), {"tol": 1e-14, "max_iter": 500}
    model = kind(alpha=run["number"], fit_intercept=False, **exact, **options)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*'@' is faster on contiguous")  # of its compiler
        return model.fit(np.array(run["X"]), np.array(run["y"])).coef_.reshape(-1)


def _group_lasso(run: Run) -> np.ndarray:
    return _skglm("GroupLasso", run, groups=len(run["start"]))


def _skglm_penalty(name: str, run: Run, *options: Any) -> np.ndarray:
    """Step along the mean data loss and take the prox of skglm's penalty, to the optimum.

    Its solvers are compiled for each penalty, which takes 10 s each; the prox is what they take.
    """
    from skglm import penalties

    penalty = getattr(penalties, name)(run["number"], *options)

    def prox(moved: np.ndarray, length: float) -> np.ndarray:
        if name == "WeightedGroupL2":
            return penalty.prox_1group(moved, length, 0)
        return np.array([penalty.prox_1d(own, length, at) for at, own in enumerate(moved)])

    return by_proximal_gradient(run, prox)


def _lassonet(run: Run, kind: str = "LassoNetRegressor", outputs: int = 1) -> np.ndarray:
    """Train the skip alone by LassoNet's own loop: hidden weights of 0 stay so with M = 0."""
    import lassonet
    from lassonet.model import LassoNet

    X, y = (torch.tensor(run[name], dtype=torch.float64) for name in "Xy")
    y = y[:, None] if outputs == 1 else y.long()
    own: Any = getattr(lassonet, kind)(M=0, verbose=0)
    own.model = LassoNet(X.shape[1], 1, outputs).double()
    if outputs > 1:
        torch.nn.init.zeros_(own.model.skip.weight)  # so that the two logits stay opposite
    for array in own.model.layers.parameters():
        torch.nn.init.zeros_(array).requires_grad_(False)
    optimizer = torch.optim.SGD(own.model.skip.parameters(), lr=0.4 * outputs**2)
    options = {"batch_size": None, "epochs": 300, "lambda_": run["number"]}
    own._train(X, y, X, y, return_state_dict=False, optimizer=optimizer, **options)
    first, *others = own.model.skip.weight.detach().numpy()
    return others[0] - first if others else first


def _lassonet_classifier(run: Run) -> np.ndarray:
    return _lassonet(run, "LassoNetClassifier", 2)


def _logistic_regression(run: Run) -> np.ndarray:
    ratio = run["l1_ratio"] or 0.0
    solver = "saga" if ratio else "newton-cholesky"
    model = LogisticRegression(
        C=run["number"],
        l1_ratio=ratio,
        fit_intercept=False,
        solver=solver,
        tol=1e-13,
        max_iter=1_000_000,
        random_state=0,
    )
    return model.fit(np.array(run["X"]), np.array(run["y"])).coef_[0]


def published_steps(run: Run, share: float, *, cautious: bool = False) -> np.ndarray:
    """Decay every weight by a share a step, then step: the formula that most decays have.

    With `cautious`, only the weights that the update takes towards 0 as well.
    """
    w = np.array(run["start"])
    memory: dict[str, Any] = {"step": 0, "first": 0, "second": 0}
    for _ in range(run["steps"]):
        gradient = data_gradient(run, w)
        update = {"adam": _adam_update, "muon": _muon_update}.get(run["optimizer"])
        direction = gradient if update is None else update(run, gradient, memory)
        decayed = direction * w >= 0 if cautious else 1
        w = w * (1 - share * decayed) - run["learning_rate"] * direction
    return w


def _adam_update(run: Run, gradient: np.ndarray, memory: dict[str, Any]) -> np.ndarray:
    memory["step"] += 1
    memory["first"] = 0.9 * memory["first"] + 0.1 * gradient
    memory["second"] = 0.999 * memory["second"] + 0.001 * gradient**2
    root = np.sqrt(memory["second"] / (1 - 0.999 ** memory["step"])) + run["epsilon"]
    return memory["first"] / (1 - 0.9 ** memory["step"]) / root


def _muon_update(run: Run, gradient: np.ndarray, memory: dict[str, Any]) -> np.ndarray:
    """Return Muon's update of a matrix with one row, whose one singular value is its norm."""
    memory["first"] = 0.95 * memory["first"] + 0.05 * gradient
    value = 1.0
    for _ in range(5):
        value = 3.4445 * value - 4.7750 * value**3 + 2.0315 * value**5
    return run["update_scale"] * value * memory["first"] / np.linalg.norm(memory["first"])


def _decay(run: Run) -> np.ndarray:
    return published_steps(run, run["learning_rate"] * run["number"])


def _corrected(run: Run) -> np.ndarray:
    share = run["learning_rate"] ** 2 / run["max_learning_rate"] * run["number"]
    return published_steps(run, share)


def _independent(run: Run) -> np.ndarray:
    return published_steps(run, run["learning_rate"] / run["max_learning_rate"] * run["number"])


def cautious(run: Run) -> np.ndarray:
    """Decay by lr · λ where the update has the sign of the weight."""
    return published_steps(run, run["learning_rate"] * run["number"], cautious=True)


def glmnet(run: Run, sd: float = 1.0) -> np.ndarray:
    """Minimize glmnet's published objective by proximal gradient, y scaled by its deviation."""
    scaled = {**run, "y": (np.array(run["y"]) / sd).tolist()}
    strength = run["number"] / sd

    def prox(moved: np.ndarray, length: float) -> np.ndarray:
        shrunk = np.abs(moved) - length * strength * run["l1_ratio"]
        kept = np.sign(moved) * np.maximum(shrunk, 0)
        return kept / (1 + length * strength * (1 - run["l1_ratio"]))

    return by_proximal_gradient(scaled, prox) * sd


def group_lasso(run: Run) -> np.ndarray:
    """Minimize the published objective with one group of all columns, by proximal gradient."""

    def prox(moved: np.ndarray, length: float) -> np.ndarray:
        reach = length * run["number"] * np.sqrt(len(moved))
        return moved * max(0.0, 1 - reach / np.linalg.norm(moved))

    return by_proximal_gradient(run, prox)


def by_proximal_gradient(run: Run, prox: Callable[[np.ndarray, float], np.ndarray]) -> np.ndarray:
    """Step along the mean data loss and take the prox of a length, until nothing moves."""
    X = np.array(run["X"])
    length = len(X) / np.linalg.norm(X, 2) ** 2
    w = np.zeros(X.shape[1])
    before = w + 1
    while np.abs(w - before).max() > 1e-14:  # nothing, beside the 1e-7 that is asked
        before = w
        w = prox(w - length * data_gradient(run, w), length)
    return w


EXACT = {"tol": 1e-15, "max_iter": 1_000_000}
IN_PROCESS: dict[str, Callable[[Run], np.ndarray]] = {
    "torch.sgd.weight_decay": _sgd,
    "torch.adam.weight_decay": _adam,
    "torch.adamw.weight_decay": _adamw,
    "torch.muon.weight_decay": torch_muon,
    "torch.muon.match_rms_adamw.weight_decay": lambda run: torch_muon(
        run, adjust_lr_fn="match_rms_adamw"
    ),
    "shrinkage.l1": lambda run: _own(shrinkage.L1(), run),
    "shrinkage.l2": lambda run: _own(shrinkage.L2(), run),
    "shrinkage.elastic_net": lambda run: _own(shrinkage.ElasticNet(run["l1_ratio"]), run),
    "shrinkage.l2.decoupled": _own_decoupled,
    "shrinkage.group_lasso": lambda run: _own(shrinkage.GroupLasso("layer"), run),
    "shrinkage.mcp": lambda run: _own(shrinkage.MCP(GAMMA), run),
    "shrinkage.scad": lambda run: _own(shrinkage.SCAD(GAMMA), run),
    "shrinkage.log_sum": lambda run: _own(shrinkage.LogSum(EPSILON_OF_LOG_SUM), run),
    "shrinkage.l_half": lambda run: _own(shrinkage.LHalf(), run),
    "timescale.steps": lambda run: published_steps(run, 1 / run["number"]),
    "timescale.epochs": lambda run: published_steps(run, 1 / (5 * run["number"])),
    "tfa.adamw.weight_decay": lambda run: published_steps(run, run["number"]),
    "fastai.wd": _decay,
    "fastai.sgd.wd": _decay,
    "timm.adamw.weight_decay": _decay,
    "timm.adamc.weight_decay": _corrected,
    "independent.weight_decay": _independent,
    "pytorch_optimizer.fixed_decay.weight_decay": lambda run: published_steps(run, run["number"]),
    "cautious.weight_decay": cautious,
    "glmnet.lambda": glmnet,
    "adelie.grpnet.lmda": glmnet,
    "adelie.grpnet.groups.lmda": group_lasso,
    "sklearn.Ridge.alpha": lambda run: _linear(Ridge, run),
    "sklearn.Lasso.alpha": lambda run: _linear(Lasso, run, **EXACT),
    "sklearn.ElasticNet.alpha": lambda run: _linear(
        ElasticNet, run, l1_ratio=run["l1_ratio"], **EXACT
    ),
    "lassonet.LassoNetRegressor.lambda_": _lassonet,
    "lassonet.LassoNetClassifier.lambda_": _lassonet_classifier,
    "skglm.Lasso.alpha": lambda run: _skglm("Lasso", run),
    "skglm.ElasticNet.alpha": lambda run: _skglm("ElasticNet", run, l1_ratio=run["l1_ratio"]),
    "skglm.SparseLogisticRegression.alpha": lambda run: _skglm(
        "SparseLogisticRegression",
        run,
        l1_ratio=1.0 if run["l1_ratio"] is None else run["l1_ratio"],
    ),
    "skglm.GroupLasso.alpha": _group_lasso,
    "skglm.MCPRegression.alpha": lambda run: _skglm("MCPRegression", run, gamma=GAMMA),
    "skglm.penalties.WeightedGroupL2.alpha": lambda run: _skglm_penalty(
        "WeightedGroupL2", run, np.ones(1), np.array([0, 3]), np.arange(3)
    ),
    "skglm.penalties.MCPenalty.alpha": lambda run: _skglm_penalty("MCPenalty", run, GAMMA),
    "skglm.penalties.SCAD.alpha": lambda run: _skglm_penalty("SCAD", run, GAMMA),
    "skglm.penalties.LogSumPenalty.alpha": lambda run: _skglm_penalty(
        "LogSumPenalty", run, EPSILON_OF_LOG_SUM
    ),
    "skglm.penalties.L0_5.alpha": lambda run: _skglm_penalty("L0_5", run),
    "sklearn.LogisticRegression.C": _logistic_regression,
    "sklearn.SGDClassifier.alpha": _sgd_classifier,
    "sklearn.MLPClassifier.alpha": _mlp_classifier,
}
