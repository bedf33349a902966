"""`shrinkage.pytorch.transformers`: what a plain loop does, and checkpoints that go on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    get_constant_schedule_with_warmup,
)

from shrinkage import L1, L2
from shrinkage.pytorch import WarmUp, describe, regularize
from shrinkage.pytorch.transformers import Regularize
from tests.pytorch.loops.tiny_training import WITH_ZEROS, equal, hooks, zeros

pytestmark = pytest.mark.slow  # importing it takes seconds

TERMS = 0.2 * L1() + 0.1 * L2()
UPDATES = ("proximal", "decoupled", "gradient", "loss")
BATCH = 4


def bert() -> BertForSequenceClassification:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=11,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=8,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return BertForSequenceClassification(config)


def rows() -> list[dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    words = torch.randint(11, (16, 6), generator=generator)
    return [{"input_ids": row, "labels": (row[0] > 5).long()} for row in words]


def batches() -> list[dict[str, torch.Tensor]]:
    found = rows()
    return [
        {
            name: torch.stack([row[name] for row in found[start : start + BATCH]])
            for name in found[0]
        }
        for start in range(0, len(found), BATCH)
    ]


def arguments(folder: Path, **options) -> TrainingArguments:
    given = {
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": 10,
        "learning_rate": 0.01,
        "lr_scheduler_type": "constant",
        "train_sampling_strategy": "sequential",
        "save_strategy": "no",
        **options,
    }
    return TrainingArguments(
        folder, report_to=[], disable_tqdm=True, logging_steps=3, use_cpu=True, **given
    )


class Watch(TrainerCallback):
    """At each step: which optimizer accelerate has wrapped, and how many hooks are on it."""

    def __init__(self):
        self.held = []

    def on_step_begin(self, *_, optimizer, **__):
        inner = optimizer.optimizer
        self.held.append((type(inner).__name__, hooks(inner)))


class Adding(Trainer):
    """With update="loss" the terms are part of the loss."""

    regularization: Regularize

    def compute_loss(self, model, inputs, **options):
        loss = super().compute_loss(model, inputs, **options)
        return loss + self.regularization.attachment.loss()


def trained(folder: Path, callback: Regularize, kind=Trainer, **options) -> Trainer:
    trainer = kind(bert(), arguments(folder, **options), train_dataset=rows(), callbacks=[callback])
    trainer.regularization = callback
    return trainer


def plain(
    update: str = "proximal",
    *,
    epochs: int = 10,
    every: int = 1,
    warmup: int = 0,
    bf16: bool = False,
    **options,
) -> nn.Module:
    """Return a model after the loop of Trainer written down: clipped, fused AdamW."""
    model = bert()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.0, fused=True)
    scheduler = get_constant_schedule_with_warmup(optimizer, warmup)
    attachment = regularize(optimizer, model, TERMS, update, **options)
    for _ in range(epochs):
        for index, batch in enumerate(batches()):
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                loss = model(**batch).loss
            ((loss + attachment.loss()) / every).backward()
            if (index + 1) % every == 0:
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
    return model


class TestSameAsThePlainLoop:
    @pytest.mark.parametrize("update", UPDATES)
    def test_bit_for_bit(self, update, tmp_path):
        callback = Regularize(TERMS, update)
        trainer = trained(tmp_path, callback, Adding if update == "loss" else Trainer)
        trainer.train()
        assert equal(trainer.model, plain(update=update))
        assert (zeros(trainer.model) > 0) == (update in WITH_ZEROS)
        assert callback.attachment.steps == 40

    def test_accumulation(self, tmp_path):
        callback = Regularize(TERMS)
        trainer = trained(tmp_path, callback, gradient_accumulation_steps=2)
        trainer.loss_is_scaled_for_ga = False  # else BERT's mean losses are summed, not averaged
        trainer.train()
        assert callback.attachment.steps == 20
        assert equal(trainer.model, plain(every=2))

    def test_a_learning_rate_that_starts_at_zero(self, tmp_path):
        options = {"lr_scheduler_type": "constant_with_warmup", "warmup_steps": 10}
        trainer = trained(tmp_path, Regularize(TERMS), **options)
        trainer.train()
        assert equal(trainer.model, plain(warmup=10))
        assert zeros(trainer.model) > 0

    def test_bfloat16(self, tmp_path):
        trainer = trained(tmp_path, Regularize(TERMS), bf16=True)
        trainer.train()
        assert equal(trainer.model, plain(bf16=True))
        assert zeros(trainer.model) > 0

    def test_a_second_training_goes_on_with_the_same_optimizer(self, tmp_path):
        callback = Regularize(TERMS, schedule=WarmUp(60))
        trainer = trained(tmp_path, callback)
        trainer.train()
        trainer.train()
        assert callback.attachment.steps == 80
        assert equal(trainer.model, plain(epochs=20, schedule=WarmUp(60)))


class TestBeginAndEnd:
    def test_it_is_on_the_optimizer_that_steps_and_detaches(self, tmp_path):
        trainer = trained(tmp_path, Regularize(TERMS), num_train_epochs=1)
        watch = Watch()
        trainer.add_callback(watch)
        trainer.train()
        assert watch.held == [("AdamW", 2)] * 4
        assert hooks(trainer.optimizer.optimizer) == 0

    def test_after_an_error_training_can_begin_again(self, tmp_path):
        trainer = trained(tmp_path, Regularize(TERMS), num_train_epochs=1)
        good, trainer.compute_loss = trainer.compute_loss, lambda *_, **__: 1 / 0
        with pytest.raises(ZeroDivisionError):
            trainer.train()
        trainer.compute_loss = good
        trainer.train()
        assert hooks(trainer.optimizer.optimizer) == 0

    def test_own_weight_decay_is_told_with_names_and_remedy(self, tmp_path):
        trainer = trained(tmp_path, Regularize(TERMS), num_train_epochs=1, weight_decay=0.3)
        told = r"weight_decay=0\.3 on .*query\.weight.*TrainingArguments\(weight_decay=0\)"
        with pytest.warns(UserWarning, match=told):
            trainer.train()

    def test_without_it_nothing_is_told(self, tmp_path, recwarn):
        trained(tmp_path, Regularize(TERMS), num_train_epochs=1).train()
        assert not [one for one in recwarn if "weight_decay" in str(one.message)]


def test_the_layers_of_gpt_2_have_their_inputs_first():
    layer = transformers.pytorch_utils.Conv1D(nf=6, nx=4)
    info = next(info for info, _ in describe(layer) if info.name == "weight")
    assert (info.shape, info.input_axis, info.output_axis) == ((4, 6), 0, 1)
