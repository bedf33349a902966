"""Terms in a skorch net: one callback, which grid search and `clone` treat as any other.

Who uses this: people who train with `skorch`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shrinkage.extras import needs
from shrinkage.pytorch.attachment import Attachment
from shrinkage.pytorch.loops.sessions import Request, Session, refuse_gradient

with needs("skorch"):
    from skorch.callbacks import Callback

ADVICE = "with skorch: NeuralNet(…, optimizer__weight_decay=0)"


class Regularize(Callback):
    """Attach terms to `net.optimizer_` and `net.module_` for as long as the net trains.

    Formula: every step minimizes loss + Σ strength·penalty, as `regularize` does.

    A training that goes on with the same optimizer and the same terms (`partial_fit`,
    `warm_start`) goes on with the state of the last one, also after a pickle.

    Args:
        terms: strengths times penalties on selections; in a search `callbacks__NAME__terms`.
        update: how terms that name no update enter training: "proximal", "decoupled" or "loss"
            (add `callback.attachment.loss()` in `get_loss` where it is training).
        options: further arguments of `regularize`; each is a parameter of the callback.

    Raises:
        InputError: when training begins, terms that are none or of other parameters.
        UnsupportedOptimizer: when training begins, update="gradient".

    >>> from shrinkage import L1
    >>> callback = Regularize(1e-4 * L1())  # NeuralNet(callbacks=[("regularize", callback)])
    >>> callback.get_params()
    {'terms': 0.0001 * L1() on weights(), 'update': 'proximal'}

    Source: the hooks of `regularize`; skorch, Callback.
    """

    def __init__(self, terms: Any, update: str = "proximal", **options: Any) -> None:
        self.terms = terms
        self.update = update
        for name, value in options.items():
            setattr(self, name, value)
        self.session_ = Session(ADVICE)

    @property
    def attachment(self) -> Attachment | None:
        """The attachment of the present or the last training."""
        return self.session_.attachment

    @property
    def request(self) -> Request:
        """What is asked for now: each argument is a parameter that a search may have set."""
        options = self.get_params(deep=False)
        return Request(options.pop("terms"), options.pop("update"), options)

    def initialize(self) -> Regularize:
        """Forget a state that waits: the net gets new weights and a new optimizer."""
        self.session_.forget()
        return self

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Attach: module and optimizer exist."""
        refuse_gradient(self.request, "skorch")
        self.session_.begin(net.optimizer_, net.module_, self.request)

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Detach."""
        self.session_.end()

    def state_dict(self) -> dict[str, Any]:
        """Return what is to be saved beside the parameters and the optimizer of the net."""
        return self.session_.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take a saved state, after `net.initialize()`, for the next `partial_fit`."""
        self.session_.load_state_dict(state)
