"""The page agrees with the registry, and the package loads nothing heavy."""

from __future__ import annotations

from docs.conventions_table import PAGE, page, table
from shrinkage.conventions.registry import REGISTRY
from tests.conventions.libraries import IN_PROCESS
from tests.processes import loaded_by

HEAVY = {"torch", "jax", "keras", "sklearn", "scipy", "pandas", "typer", "rich"}


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()
    assert all(f"`{name}`" in table() for name in REGISTRY)


def test_what_is_not_run_by_its_library_says_so() -> None:
    published = {name for name, entry in REGISTRY.items() if "published" in entry.checked_by}
    assert published == {
        "tfa.adamw.weight_decay",
        "fastai.wd",
        "fastai.sgd.wd",
        "glmnet.lambda",
        "adelie.grpnet.lmda",
        "adelie.grpnet.groups.lmda",
        "timm.adamw.weight_decay",
        "timm.adamc.weight_decay",
        "independent.weight_decay",
        "pytorch_optimizer.fixed_decay.weight_decay",
        "cautious.weight_decay",
        "timescale.steps",
        "timescale.epochs",
    }
    own_process = {name for name in REGISTRY if name.startswith(("keras.", "optax."))}
    assert own_process | set(IN_PROCESS) == set(REGISTRY)


def test_conversions_load_no_framework() -> None:
    code = (
        "from shrinkage.conventions import convert; "
        "convert(0.01, 'keras.l2', 'torch.sgd.weight_decay')"
    )
    assert not loaded_by(code) & HEAVY
