"""Training code as it is practised, right and with a seeded mistake, under the audit.

A nanoGPT-like pre-training with `configure_optimizers`, a GAN with two optimizers, PEFT's LoRA on a
model of Transformers, timm's factory of optimizers. (Lightning, Transformers' Trainer, Accelerate
and skorch are in tests/mutants, with the frameworks themselves.) Right ones have to be clear,
mistakes named by one of the rules beside them. What is not installed is left out.
"""

from __future__ import annotations

import importlib.util
import inspect
import logging
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from recording import define_operators_of_torchvision, write_result
from step_overhead import Transformer
from torch import nn

from shrinkage import L2
from shrinkage.pytorch import audit

Loop = tuple[Any, Any, Callable[..., Any], Any, Any]
CASES: dict[str, tuple[str, tuple[str, ...], Callable[[], Loop]]] = {}


def case(needs: str, *rules: str) -> Callable[[Callable[[], Loop]], Callable[[], Loop]]:
    """Register a loop: the packages that it needs, and the rules of which one names its mistake."""

    def register(build: Callable[[], Loop]) -> Callable[[], Loop]:
        CASES[build.__name__.replace("_", " ")] = needs, rules, build
        return build

    return register


def configure_optimizers(model: nn.Module, decay: float, *, exempt: bool) -> torch.optim.AdamW:
    """Return AdamW as nanoGPT groups it: what has two axes decays, the rest does not."""
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    wide = [p for p in named.values() if p.dim() >= 2 or not exempt]
    rest = [p for p in named.values() if p.dim() < 2 and exempt]
    groups = [{"params": wide, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]
    fused = {"fused": True} if "fused" in inspect.signature(torch.optim.AdamW).parameters else {}
    return torch.optim.AdamW(groups, lr=6e-4, betas=(0.9, 0.95), **fused)


def pretraining(*, exempt: bool = True, clip_last: bool = False) -> Loop:
    torch.manual_seed(0)
    model = Transformer(tokens=64, width=32, length=16)
    optimizer = configure_optimizers(model, 0.1, exempt=exempt)
    tokens = torch.randint(0, 64, (4, 2, 17))

    def step(model: Any, optimizer: Any, batch: Any) -> None:
        for micro in batch:
            logits = model(micro[:, :-1])
            loss = nn.functional.cross_entropy(logits, micro[:, 1:].flatten()) / len(batch)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if clip_last:
            with torch.no_grad():
                for p in model.parameters():
                    p.mul_(0.999)

    return model, optimizer, step, tokens, None


@case("torch")
def nanogpt_with_micro_batches_and_clipping() -> Loop:
    return pretraining()


@case("torch", "bias-or-norm-penalised")
def nanogpt_without_the_second_group() -> Loop:
    return pretraining(exempt=False)


def gan(*, decay_of: str) -> Loop:
    torch.manual_seed(0)
    critic, maker = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 1)), nn.Linear(4, 12)
    decays = {"critic": 0.0, "maker": 0.0} | {decay_of: 1e-2}
    weights = [p for p in critic.parameters() if p.ndim > 1]
    others = [p for p in critic.parameters() if p.ndim < 2]
    groups = [{"params": weights, "weight_decay": decays["critic"]}, {"params": others}]
    optimizer = torch.optim.AdamW(groups, lr=2e-4, weight_decay=0.0)
    other = torch.optim.AdamW(maker.parameters(), lr=2e-4, weight_decay=decays["maker"])
    loss_of = nn.functional.binary_cross_entropy_with_logits
    real, noise = torch.randn(16, 12), torch.randn(16, 4)

    def step(model: Any, optimizer: Any, batch: Any) -> None:
        ones, zeros = torch.ones(16, 1), torch.zeros(16, 1)
        optimizer.zero_grad()
        made = maker(noise)
        (loss_of(model(batch), ones) + loss_of(model(made.detach()), zeros)).backward()
        optimizer.step()
        other.zero_grad()
        loss_of(model(made), ones).backward()
        other.step()

    return critic, optimizer, step, real, 1e-2 * L2()


@case("torch")
def gan_whose_critic_decays() -> Loop:
    return gan(decay_of="critic")


@case("torch", "no-effect")
def gan_whose_other_network_decays() -> Loop:
    return gan(decay_of="maker")


def adapted(*, exempt: bool = True, lost: bool = False) -> Loop:
    from peft import LoraConfig, get_peft_model
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=64,
        n_positions=16,
        n_embd=16,
        n_layer=1,
        n_head=2,
        bos_token_id=0,
        eos_token_id=0,
    )
    lora = LoraConfig(r=4, target_modules=["c_attn"], fan_in_fan_out=True, lora_dropout=0.0)
    model: Any = get_peft_model(GPT2LMHeadModel(config), lora)
    trained = [p for p in model.parameters() if p.requires_grad]
    parameters = trained if exempt else list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.0 if lost else 0.1)
    tokens = torch.randint(0, 64, (2, 16))

    def step(model: Any, optimizer: Any, batch: Any) -> None:
        optimizer.zero_grad()
        model(input_ids=batch, labels=batch).loss.backward()
        optimizer.step()

    return model, optimizer, step, tokens, (0.1 * L2()).on("*lora_*") if lost else None


@case("peft")
def lora_whose_adapters_decay() -> Loop:
    return adapted()


@case("peft", "no-effect")
def lora_whose_decay_is_left_at_zero() -> Loop:
    return adapted(lost=True)


def from_timm(name: str, *, by_groups: bool = True) -> Loop:
    from timm.optim import create_optimizer_v2

    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 5))
    optimizer = create_optimizer_v2(
        model, opt=name, lr=1e-3, weight_decay=0.05, filter_bias_and_bn=by_groups
    )
    batch = torch.randn(8, 1, 8, 8), torch.randint(0, 5, (8,))

    def step(model: Any, optimizer: Any, batch: Any) -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
        optimizer.step()

    return model, optimizer, step, batch, None


@case("timm torchvision")
def timm_adamw_by_its_groups() -> Loop:
    return from_timm("adamw")


@case("timm torchvision")
def timm_lion_by_its_groups() -> Loop:
    return from_timm("lion")


@case("timm torchvision", "bias-or-norm-penalised")
def timm_adamw_without_its_groups() -> Loop:
    return from_timm("adamw", by_groups=False)


@case("timm torchvision", "decays-otherwise")
def timm_lamb_whose_decay_is_behind_a_trust_ratio() -> Loop:
    return from_timm("lamb")


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    define_operators_of_torchvision()
    outcomes, missed = {}, []
    for name, (needs, rules, build) in CASES.items():
        missing = [own for own in needs.split() if importlib.util.find_spec(own) is None]
        if missing:
            print(f"{name}: left out, {' and '.join(missing)} not installed")
            continue
        loop = build()
        start = time.perf_counter()
        report = audit(*loop[:4], terms=loop[4])
        took = time.perf_counter() - start
        right = bool(set(rules) & set(report.rules)) if rules else report.ok
        outcomes[name] = {"rules": report.rules, "right": right, "seconds": round(took, 2)}
        missed += [] if right else [name]
        print(f"{name}: {'right' if right else 'WRONG'}, {took:.2f} s, {', '.join(report.rules)}")
        if not right:
            print(report)
    print(f"{len(outcomes) - len(missed)} of {len(outcomes)} right")
    write_result("audit_real_loops", {"loops": outcomes, "missed": missed})


if __name__ == "__main__":
    main()
