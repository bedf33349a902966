"""An attachment tells what is so now: layers thaw and join, and it has a state but no pickle."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from torch.optim import SGD

from shrinkage import L1
from shrinkage.errors import InputError
from shrinkage.pytorch import regularize
from tests.pytorch.small_training import network


def reason_of(table: str, name: str) -> str:
    return next(line for line in table.splitlines() if line.startswith(name))


def test_the_table_has_layers_that_thaw_and_join():
    model = network()
    model[0].requires_grad_(False)
    optimizer = SGD(model[3].parameters(), lr=0.05)
    attachment = regularize(optimizer, model, 0.02 * L1())
    assert "frozen" in reason_of(attachment.table(), "0.weight")
    model[0].requires_grad_(True)
    optimizer.add_param_group({"params": list(model[0].parameters())})
    assert reason_of(attachment.table(), "0.weight").endswith("proximal")


def test_the_table_leaves_out_a_layer_that_no_optimizer_holds():
    model = network()
    attachment = regularize(SGD(model.parameters(), lr=0.05), model, 0.02 * L1())
    model.append(copy.deepcopy(model[3]))
    assert "4.weight" not in attachment.table()


@pytest.mark.parametrize("within", [False, True])
def test_a_pickle_is_refused_with_what_to_save(within):
    model: Any = network()
    attachment = regularize(SGD(model.parameters(), lr=0.05), model, 0.02 * L1())
    model.attachment = attachment
    with pytest.raises(InputError, match=r"state_dict\(\)"):
        pickle.dumps(model if within else attachment)
