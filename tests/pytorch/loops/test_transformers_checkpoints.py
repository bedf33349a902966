"""The state of the terms beside a Trainer's checkpoints: found, checked, and resumed from."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from shrinkage.errors import InputError
from shrinkage.pytorch import WarmUp
from shrinkage.pytorch.loops.transformers import (
    FILE,
    Regularize,
    read_state,
    resumed_folder,
    write_state,
)
from tests.pytorch.loops.test_transformers import TERMS, plain, trained
from tests.pytorch.loops.tiny_training import equal, zeros

pytestmark = pytest.mark.slow  # compiling and importing, four seconds a test or more

OPTIONS = {"schedule": WarmUp(30), "freeze_zeros": True}
SAVING = {"save_strategy": "steps", "save_steps": 6}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of an interrupted training, with the checkpoint of step 6 of 40 in an epoch."""
    folder = tmp_path_factory.mktemp("trainer")
    trained(folder, Regularize(TERMS, **OPTIONS), max_steps=6, **SAVING).train()
    return folder


@pytest.fixture
def output(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "output"))


class TestResume:
    def test_as_if_never_interrupted(self, output):
        callback = Regularize(TERMS, **OPTIONS)
        trainer = trained(output, callback, **SAVING)
        trainer.train(resume_from_checkpoint=True)
        assert callback.attachment.steps == 40
        assert equal(trainer.model, plain(**OPTIONS))
        assert zeros(trainer.model) > 0

    def test_from_a_folder_elsewhere(self, output, tmp_path):
        path = output / "checkpoint-6"
        callback = Regularize(TERMS, checkpoint=path, **OPTIONS)
        trainer = trained(tmp_path / "new", callback)
        trainer.train(resume_from_checkpoint=str(path))
        assert equal(trainer.model, plain(**OPTIONS))

    def test_the_same_trainer_goes_back_to_its_checkpoint(self, tmp_path):
        callback = Regularize(TERMS, **OPTIONS)
        trainer = trained(tmp_path, callback, **SAVING)
        trainer.train()
        expected = plain(**OPTIONS)
        assert equal(trainer.model, expected)
        trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-12"))
        assert callback.attachment.steps == 40
        assert equal(trainer.model, expected)

    def test_from_a_folder_elsewhere_that_was_not_named(self, output, tmp_path):
        trainer = trained(tmp_path / "new", Regularize(TERMS, **OPTIONS))
        with pytest.raises(InputError, match=r"step 6 .*give Regularize\(…, checkpoint=PATH\)"):
            trainer.train(resume_from_checkpoint=str(output / "checkpoint-6"))

    def test_another_run_s_checkpoint_of_the_same_step(self, output, tmp_path):
        path = Path(shutil.copytree(output / "checkpoint-6", tmp_path / "checkpoint-6"))
        file = output / "checkpoint-6" / "trainer_state.json"
        state = json.loads(file.read_text())
        state["log_history"][0]["loss"] += 1
        file.write_text(json.dumps(state))
        trainer = trained(output, Regularize(TERMS, **OPTIONS))
        with pytest.raises(InputError, match="none that fits"):
            trainer.train(resume_from_checkpoint=str(path))

    def test_a_checkpoint_from_before_there_were_terms(self, output):
        (output / "checkpoint-6" / FILE).unlink()
        callback = Regularize(TERMS, **OPTIONS)
        with pytest.warns(UserWarning, match="checkpoint-6 was saved without terms"):
            trained(output, callback, **SAVING).train(resume_from_checkpoint=True)
        assert callback.attachment.steps == 34

    def test_a_damaged_file(self, output):
        file = output / "checkpoint-6" / FILE
        file.write_bytes(file.read_bytes()[:20])
        with pytest.raises(InputError, match=f"damaged file .*delete .*{FILE}"):
            trained(output, Regularize(TERMS, **OPTIONS)).train(resume_from_checkpoint=True)


class TestWhatIsSaved:
    def test_every_checkpoint_has_it_and_no_other_folder(self, output):
        assert [path.parent.name for path in output.rglob(FILE)] == ["checkpoint-6"]
        state = read_state(output / "checkpoint-6" / FILE)
        assert state["steps"] == 6
        assert state["frozen"]

    def test_nothing_where_the_optimizer_is_not_saved_either(self, tmp_path):
        options = {"max_steps": 6, "save_only_model": True, **SAVING}
        trained(tmp_path, Regularize(TERMS), **options).train()
        assert (tmp_path / "checkpoint-6").is_dir()
        assert not list(tmp_path.rglob(FILE))

    def test_it_is_there_before_an_upload(self, output):
        callback = Regularize(TERMS, **OPTIONS)
        trainer = trained(output, callback, max_steps=6)
        trainer.train()
        (output / "checkpoint-6" / FILE).unlink()
        trainer.callback_handler.on_push_begin(trainer.args, trainer.state, trainer.control)
        assert read_state(output / "checkpoint-6" / FILE)["steps"] == 6

    def test_numbers_and_tensors_come_back_as_they_were(self, tmp_path):
        tensors = {"a": torch.tensor([1.5, -0.0]), "b": torch.tensor(2, dtype=torch.int64)}
        state = {"n": 0.1 + 0.2, "none": None, "list": [1, True, tensors["a"]], **tensors}
        state |= {"mask": torch.tensor([[True], [False]]).T, "low": tensors["a"].bfloat16()}
        write_state(tmp_path / FILE, {"deep": {"er": state}})
        found = read_state(tmp_path / FILE)["deep"]["er"]
        assert found.keys() == state.keys()
        assert found["n"] == 0.1 + 0.2
        assert found["none"] is None
        assert found["list"][:2] == [1, True]
        assert torch.equal(found["list"][2], tensors["a"])
        for name in ("a", "b", "mask", "low"):
            assert found[name].dtype == state[name].dtype
            assert torch.equal(found[name], state[name])

    @pytest.mark.parametrize("state", [{1: 2.0}, {"object": object()}, {"tuple": (1,)}])
    def test_nothing_else_is_saved(self, state, tmp_path):
        with pytest.raises(InputError, match="without pickle"):
            write_state(tmp_path / FILE, state)
        assert not list(tmp_path.iterdir())


def test_the_training_arguments_may_name_the_folder(output):
    folder = output / "checkpoint-6"
    logs = json.loads((folder / "trainer_state.json").read_text())["log_history"]
    args = SimpleNamespace(output_dir="elsewhere", resume_from_checkpoint=str(folder))
    assert resumed_folder(args, SimpleNamespace(global_step=6, log_history=logs), None) == folder


def test_logs_that_are_no_numbers_are_compared_too(tmp_path):
    folder = tmp_path / "checkpoint-6"
    folder.mkdir()
    text = json.dumps({"global_step": 6, "log_history": [{"loss": math.nan}]})
    (folder / "trainer_state.json").write_text(text)
    args = SimpleNamespace(output_dir=str(tmp_path), resume_from_checkpoint=None)
    state = SimpleNamespace(global_step=6, log_history=[{"loss": math.nan}])
    assert resumed_folder(args, state, None) == folder
