"""What the audit finds, and what it costs.

Finds: every seeded fault of tests/mutants under its rule, and no error in any correct loop; the
two counts, and each that fails by name. Costs: one audit of a transformer with 100 million
parameters (12 layers, width 768, 1, 4 and 8 x 256 tokens, AdamW with weight_decay) against its
plain training step, in time and in the memory of a process of its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from recording import write_result

GOAL_STEPS, GOAL_MEMORY = 5.0, 3.0
ROWS = (1, 4, 8)  # of 256 tokens a batch
ROOT = Path(__file__).parents[1]


def power() -> dict[str, Any]:
    """Return how many faults are found and how many loops are cleared."""
    sys.path.insert(0, str(ROOT))
    from tests.mutants.audit_faults import FAULTS
    from tests.mutants.audit_loops import LOOPS

    missed, accused = [], []
    for fault in FAULTS:
        report = fault.build()()
        if not any(finding.rule in fault.rules for finding in report.findings):
            missed.append(fault.name)
    for loop in LOOPS:
        if not loop.build()().ok:
            accused.append(loop.name)
    reported = sum(bool(fault.source) for fault in FAULTS)
    print(
        f"faults found: {len(FAULTS) - len(missed)} of {len(FAULTS)} ({reported} rebuilt from "
        f"reported bugs){f', missed: {missed}' if missed else ''}"
    )
    print(
        f"correct loops cleared: {len(LOOPS) - len(accused)} of {len(LOOPS)}"
        f"{f', accused: {accused}' if accused else ''}"
    )
    return {
        "faults": len(FAULTS),
        "faults_from_reports": reported,
        "missed": missed,
        "loops": len(LOOPS),
        "accused": accused,
    }


def transformer(rows: int) -> tuple[Any, Any, Any, Any]:
    """Return model, optimizer, training step and batch."""
    import torch
    from step_overhead import Block
    from torch import nn

    torch.manual_seed(0)
    tokens, width, length = 16_384, 768, 256
    model = nn.Sequential(
        nn.Embedding(tokens, width),
        *(Block(width, 12) for _ in range(12)),
        nn.LayerNorm(width),
        nn.Linear(width, tokens, bias=False),
    )
    weights = [p for n, p in model.named_parameters() if p.ndim > 1 and n != "0.weight"]
    others = [p for n, p in model.named_parameters() if p.ndim < 2 or n == "0.weight"]
    groups = [{"params": weights, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, fused=True)
    batch = torch.randint(0, tokens, (2, rows, length), generator=torch.Generator().manual_seed(1))

    def training_step(model: Any, optimizer: Any, batch: Any, _scale: float = 1.0) -> None:
        optimizer.zero_grad()
        logits = model(batch[0]).flatten(0, 1)
        nn.functional.cross_entropy(logits, batch[1].flatten()).backward()
        optimizer.step()

    return model, optimizer, training_step, batch


def measure(kind: str, rows: int) -> dict[str, float]:
    """Return the time of plain steps, or of an audit, and the memory of this process."""
    from shrinkage.pytorch import audit

    model, optimizer, training_step, batch = transformer(rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = sum(p.numel() for p in model.parameters())
    times = []
    for _ in range(4 if kind == "plain" else 2):
        begin = time.perf_counter()
        training_step(model, optimizer, batch)
        times.append(time.perf_counter() - begin)
    figures = {"parameters": float(size), "step": median(times[1:]), "start": float(before)}
    if kind == "audit":
        begin = time.perf_counter()
        report = audit(model, optimizer, training_step, batch)
        figures["audit"] = time.perf_counter() - begin
        assert report.ok, str(report)
    figures["peak"] = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return figures


def cost(rows: int) -> dict[str, Any]:
    """Return an audit's time and memory over those of plain steps, with so many rows a batch."""
    runs: dict[str, list[dict[str, float]]] = {"plain": [], "audit": []}
    for kind in ("plain", "audit") * 2:
        done = subprocess.run(
            [sys.executable, __file__, kind, str(rows)], capture_output=True, text=True, check=True
        )
        runs[kind].append(json.loads(done.stdout.splitlines()[-1]))
    steps = median(run["audit"] / run["step"] for run in runs["audit"])
    plain = median(run["peak"] for run in runs["plain"])
    memory = median(run["peak"] for run in runs["audit"]) / plain
    million = runs["plain"][0]["parameters"] / 1e6
    step = median(run["step"] for run in runs["audit"])
    in_time = "met" if steps <= GOAL_STEPS else "MISSED"
    print(
        f"audit of {million:.0f} million parameters, {256 * rows} tokens: {steps:.2f} plain steps "
        f"of {step:.2f} s (goal {GOAL_STEPS:g}: {in_time}), {memory:.2f} times "
        f"the memory of {plain / 2**20:.1f} GiB (goal {GOAL_MEMORY:g}: "
        f"{'met' if memory <= GOAL_MEMORY else 'MISSED'})"
    )
    return {"steps": round(steps, 3), "memory": round(memory, 3), "runs": runs}


def main() -> None:
    """Count, measure, and write the figures."""
    write_result("audit_power", power() | {"cost": {str(256 * rows): cost(rows) for rows in ROWS}})


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
