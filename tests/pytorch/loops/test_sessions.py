"""What the three callbacks share: what is attached to, what is refused, and no import too many."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch.distributed import HashStore
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

from shrinkage.errors import InputError, UnsupportedOptimizer
from shrinkage.pytorch.loops.sessions import Request, Session, real_model, real_optimizer
from tests.pytorch.loops.tiny_training import TERMS, hooks, network, sgd

IMPORTS = """
import sys
import shrinkage.pytorch, shrinkage.pytorch.loops.sessions
loaded = {"lightning", "pytorch_lightning", "transformers", "accelerate", "skorch"} & {*sys.modules}
assert not loaded, loaded
for name in ("lightning", "pytorch_lightning", "transformers", "skorch"):
    sys.modules[name] = None
for name in ("lightning", "transformers", "skorch"):
    try:
        __import__(f"shrinkage.pytorch.{name}")
    except ImportError as error:
        print(error)
"""


@pytest.mark.slow
def test_no_framework_is_loaded_and_a_missing_one_is_named():
    out = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    lines = out.stdout.splitlines()
    assert len(lines) == 3
    for line, name in zip(lines, ("lightning", "transformers", "skorch"), strict=True):
        assert f"expected {name}, which is not installed" in line
        assert line.endswith(f'run pip install "shrinkage[{name}]"')


class TestRealOptimizer:
    @pytest.mark.parametrize("package", ["accelerate", "lightning", "pytorch_lightning"])
    def test_it_is_found_in_wrappers_of_wrappers(self, package):
        wrapper = type("Wrapper", (), {"__module__": f"{package}.optimizer"})
        inside, middle, outside = sgd(network().parameters()), wrapper(), wrapper()
        outside.optimizer, middle.optimizer = middle, inside
        assert real_optimizer(outside) is inside

    def test_what_is_no_optimizer_of_torch_is_refused(self):
        wrapper = type("Wrapper", (), {"__module__": "accelerate.utils.deepspeed"})()
        wrapper.optimizer = object()
        with pytest.raises(UnsupportedOptimizer, match=r"got object, .*another strategy"):
            real_optimizer(wrapper)

    def test_another_package_s_optimizer_is_not_looked_into(self):
        inside = sgd(network().parameters())
        outside = sgd(network().parameters())
        outside.optimizer = inside
        assert real_optimizer(outside) is outside


def test_names_do_not_show_compilation_and_devices():
    model = network()
    wrapped = torch.nn.DataParallel(torch.compile(model, backend="eager"))
    assert real_model(wrapped) is model
    session = Session()
    session.begin(sgd(model.parameters()), wrapped, Request(TERMS.on("0.weight")))
    assert "\n0.weight " in session.attachment.table()


class TestNothingStaysBehind:
    def test_after_a_state_of_another_model(self):
        model, session = network(), Session()
        optimizer = sgd(model.parameters())
        session.load_state_dict({"momentum": {"other.weight": 1.0}})
        with pytest.raises(InputError, match=r"got other\.weight"):
            session.begin(optimizer, model, Request(TERMS))
        assert hooks(optimizer) == 0

    def test_after_a_warning_that_is_an_error(self):
        model, session = network(), Session("in your words")
        optimizer = torch.optim.AdamW(model.parameters())
        with pytest.raises(UserWarning, match="in your words"):  # pytest makes it an error
            session.begin(optimizer, model, Request(TERMS))
        assert hooks(optimizer) == 0


def test_a_state_waits_until_it_is_used_or_forgotten():
    session = Session()
    assert session.state_dict() == {}
    session.load_state_dict({"steps": 3})
    assert session.state_dict() == {"steps": 3}
    session.forget()
    assert session.state_dict() == {}


def test_tensors_in_pieces_are_saved_whole():
    process_group = {"store": HashStore(), "rank": 0, "world_size": 1}
    torch.distributed.init_process_group("gloo", **process_group)
    try:
        mesh = init_device_mesh("cpu", (1,))
        piece = distribute_tensor(torch.arange(6.0).view(2, 3), mesh, [Shard(0)])
        session = Session()
        session.load_state_dict({"resolution": {"weight": {"low": piece, "others": [piece]}}})
        found = session.state_dict()["resolution"]["weight"]
    finally:
        torch.distributed.destroy_process_group()
    for tensor in (found["low"], *found["others"]):
        assert type(tensor) is torch.Tensor
        assert torch.equal(tensor, torch.arange(6.0).view(2, 3))
