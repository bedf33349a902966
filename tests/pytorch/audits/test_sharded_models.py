"""A model in shards has no copy: the audit says what came, and what to do."""

from __future__ import annotations

from tests.processes import printed

CODE = """
import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard
from torch.optim import SGD

from shrinkage.errors import InputError
from shrinkage.pytorch import audit
from tests.pytorch.audits.audited_networks import data, network, plain_step

dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
model = fully_shard(network())
try:
    audit(model, SGD(model.parameters(), lr=0.1, weight_decay=0.1), plain_step, data())
except InputError as error:
    print(error)
dist.destroy_process_group()
"""


def test_a_model_in_shards_is_refused_by_name() -> None:
    said = printed(CODE)
    assert "lies whole on one process, got 0.weight and 3 others in shards" in said
    assert "before it is sharded" in said
