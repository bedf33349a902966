"""What SARIF 2.1.0 (errata 01) asks of the objects that a report has.

By object: the properties that must be there, and those that may. Objects allow nothing else. Read
off the definitions of sarif-schema-2.1.0.json of the OASIS; only the objects that are written here.
"""

from __future__ import annotations

import re
from typing import Any

LEVELS = ("none", "note", "warning", "error")
URI = re.compile(r"[a-z][a-z0-9+.-]*:\S+")
URI_REFERENCE = re.compile(r"[^\s\\^`{}|<>\"]+")
OBJECTS: dict[str, tuple[set[str], set[str]]] = {
    "log": ({"version", "runs"}, {"$schema", "inlineExternalProperties", "properties"}),
    "run": ({"tool"}, {"invocations", "results", "artifacts", "properties", "columnKind"}),
    "tool": ({"driver"}, {"extensions", "properties"}),
    "toolComponent": ({"name"}, {"semanticVersion", "version", "informationUri", "rules"}),
    "reportingDescriptor": (
        {"id"},
        {
            "name",
            "shortDescription",
            "fullDescription",
            "defaultConfiguration",
            "helpUri",
            "help",
            "properties",
        },
    ),
    "reportingConfiguration": (set(), {"enabled", "level", "rank", "parameters", "properties"}),
    "multiformatMessageString": ({"text"}, {"markdown", "properties"}),
    "invocation": ({"executionSuccessful"}, {"commandLine", "exitCode", "properties"}),
    "result": (
        {"message"},
        {"ruleId", "ruleIndex", "kind", "level", "locations", "partialFingerprints", "properties"},
    ),
    "message": ({"text"}, {"markdown", "id", "arguments", "properties"}),
    "location": (set(), {"id", "physicalLocation", "logicalLocations", "message", "properties"}),
    "physicalLocation": ({"artifactLocation"}, {"region", "contextRegion", "properties"}),
    "artifactLocation": (set(), {"uri", "uriBaseId", "index", "description", "properties"}),
    "region": ({"startLine"}, {"startColumn", "endLine", "endColumn", "snippet", "properties"}),
    "logicalLocation": (set(), {"name", "fullyQualifiedName", "kind", "index", "properties"}),
}
INSIDE: dict[tuple[str, str], str] = {  # (object, property): the object that it holds, or a list
    ("log", "runs"): "run",
    ("run", "tool"): "tool",
    ("run", "invocations"): "invocation",
    ("run", "results"): "result",
    ("tool", "driver"): "toolComponent",
    ("toolComponent", "rules"): "reportingDescriptor",
    ("reportingDescriptor", "shortDescription"): "multiformatMessageString",
    ("reportingDescriptor", "fullDescription"): "multiformatMessageString",
    ("reportingDescriptor", "help"): "multiformatMessageString",
    ("reportingDescriptor", "defaultConfiguration"): "reportingConfiguration",
    ("result", "message"): "message",
    ("result", "locations"): "location",
    ("location", "physicalLocation"): "physicalLocation",
    ("location", "logicalLocations"): "logicalLocation",
    ("physicalLocation", "artifactLocation"): "artifactLocation",
    ("physicalLocation", "region"): "region",
}


def faults_of(value: Any, kind: str = "log") -> list[str]:
    """Return what is against the standard in an object of SARIF."""
    if not isinstance(value, dict):
        return [f"{kind} is no object"]
    required, allowed = OBJECTS[kind]
    faults = [f"{kind} lacks {name}" for name in sorted(required - value.keys())]
    faults += [f"{kind} has {name}" for name in sorted(value.keys() - required - allowed)]
    for name, inner in value.items():
        held = INSIDE.get((kind, name))
        if held is not None:
            for item in inner if isinstance(inner, list) else [inner]:
                faults += faults_of(item, held)
        else:
            faults += _plain_faults(kind, name, inner)
    return faults


def _plain_faults(kind: str, name: str, value: Any) -> list[str]:
    right = {
        "level": lambda: value in LEVELS,
        "version": lambda: kind != "log" or value == "2.1.0",
        "helpUri": lambda: bool(URI.fullmatch(value)),
        "$schema": lambda: bool(URI.fullmatch(value)),
        "uri": lambda: bool(URI_REFERENCE.fullmatch(value)),
        "startLine": lambda: isinstance(value, int) and value >= 1,
        "ruleIndex": lambda: isinstance(value, int) and value >= -1,
        "executionSuccessful": lambda: isinstance(value, bool),
        "text": lambda: isinstance(value, str) and bool(value),
    }.get(name, lambda: isinstance(value, str))
    return [] if right() else [f"{kind}.{name} is {value!r}"]
