"""Norms, and what else has a weight for each feature by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shrinkage.compaction.entries import Entries, Weight, mark, nonzero
from shrinkage.compaction.operations.mixing import Known, along, channels, mixed

if TYPE_CHECKING:
    from shrinkage.compaction.analysis import Analysis
    from shrinkage.compaction.calls import Call


def batch_norm(run: Analysis, call: Call) -> Known:
    """With the statistics of training, every channel is scaled and shifted by itself."""
    x, *own, training = call.positional(6)
    weight, _bias, mean, _variance = own
    if training or mean is None or not _each_a_channel(own):
        return mixed(run, call)
    x = run.entries(x)
    _join_channels(run, x, own)
    flow = x.flow
    if weight is not None:
        flow = flow * along(nonzero(weight.value), 1, flow.shape)
    return mark(flow), x.units


def instance_norm(run: Analysis, call: Call) -> Known:
    """A mean and a variance over the places of each channel of each row."""
    x, *own = call.positional(5)
    weight = own[0]
    if not _each_a_channel(own):
        return mixed(run, call)
    x = run.entries(x)
    _join_channels(run, x, own)
    flow = x.flow.mean(list(range(2, x.flow.ndim)), keepdim=True).expand(x.flow.shape)
    if weight is not None:
        flow = flow * along(nonzero(weight.value), 1, flow.shape)
    return mark(flow), x.units


def layer_norm(run: Analysis, call: Call) -> Known:
    """A mean and a variance over features: none of them can be left out alone."""
    x, shape, weight, bias = call.positional(4)
    x = run.entries(x)
    dims = list(range(x.units.ndim - len(shape), x.units.ndim))
    if run.units.vary_along(x.units, dims):
        x = run.mixes(call, x, "a layer norm takes their mean and variance", fixed=True)
    flow = x.flow.mean(dims, keepdim=True).expand(x.flow.shape)
    for own in (weight, bias):
        if own is not None:
            run.units.join(run.entries(own).units, x.units)
    if weight is not None:
        flow = flow * nonzero(weight.value)
    return mark(flow), x.units


def group_norm(run: Analysis, call: Call) -> Known:
    """A mean and a variance over channels."""
    x, _groups, *own = call.positional(4)
    weight = own[0]
    if not _each_a_channel(own):
        return mixed(run, call)
    what = "a group norm takes their mean and variance"
    x = run.mixes(call, run.entries(x), what, fixed=True, held=True)
    _join_channels(run, x, own)
    flow = x.flow.mean(list(range(1, x.flow.ndim)), keepdim=True).expand(x.flow.shape)
    if weight is not None:
        flow = flow * along(nonzero(weight.value), 1, flow.shape)
    return mark(flow), x.units


def prelu(run: Analysis, call: Call) -> Known:
    """One slope for all, or one a channel."""
    x, weight = call.positional(2)
    if not isinstance(weight, Weight):
        return mixed(run, call)
    x = run.entries(x)
    if weight.value.numel() > 1:
        run.units.join(run.axis(weight, 0), channels(run, x))
    return x.flow, x.units


def _each_a_channel(own: list[Any]) -> bool:
    """Return whether all are parameters or buffers (or left out), not computed."""
    return all(one is None or isinstance(one, Weight) for one in own)


def _join_channels(run: Analysis, x: Entries, own: list[Any]) -> None:
    """Let the weights of a norm go with the channels that they are for."""
    features = channels(run, x)
    for one in own:
        if one is not None:
            run.units.join(run.axis(one, 0), features)
