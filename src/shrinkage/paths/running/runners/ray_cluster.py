"""A Ray cluster: joined, and what it has room for.

Who uses this: the runner on Ray. Ray is loaded when it is asked for, never before.
"""

from __future__ import annotations

import importlib
import os
import socket
from typing import Any

from shrinkage.errors import InputError

PROBE_SECONDS = 5.0


def loaded_ray() -> Any:
    """Return Ray, which is loaded by those who ask for it alone."""
    return importlib.import_module("ray")


def joined(address: str | None) -> bool:
    """Join a cluster, or begin a Ray of this machine; return False where this process has one.

    Args:
        address: of the cluster; None: that of RAY_ADDRESS, or none.

    Raises:
        InputError: no cluster is at the address.
    """
    ray = loaded_ray()
    if ray.is_initialized():
        return False
    address = address or os.environ.get("RAY_ADDRESS")
    _probe(address)
    own = {} if address else {"include_dashboard": False}
    try:
        ray.init(address or "local", logging_level="CRITICAL", log_to_driver=False, **own)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise _no_cluster(address, reason) from None
    return True


def processors() -> tuple[int, int]:
    """Return the processors of all living nodes, and of the one with most."""
    ray = loaded_ray()
    counts = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    return sum(counts), max(counts, default=0)


def _probe(address: str | None) -> None:
    """Refuse an address at which nothing listens: Ray itself would wait for minutes.

    Raises:
        InputError: nothing listens there, or it is no address of a cluster.
    """
    if address in (None, "auto", "local"):
        return
    assert address is not None
    host, _, port = address.rpartition(":")
    if address.startswith("ray://") or not host or not port.isdigit():
        raise InputError(
            f"expected the address of a Ray cluster as HOST:PORT or auto, got {address!r}: run the "
            "command on a node of the cluster"
        )
    try:
        socket.create_connection((host, int(port)), PROBE_SECONDS).close()
    except OSError as error:
        raise _no_cluster(address, error.strerror or str(error)) from None


def _no_cluster(address: str | None, reason: str) -> InputError:
    where = "on this machine" if address is None else f"at {address!r}"
    return InputError(
        f"expected a Ray cluster {where}, found none ({reason}): begin one with ray start --head, "
        "or leave --address out"
    )
