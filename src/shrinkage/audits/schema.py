"""What `Report.to_dict` returns, as JSON Schema.

Who uses this: `shrinkage audit --schema`, and the tests, which hold reports against it. Keys are
only ever added.
"""

from __future__ import annotations

from typing import Any

from shrinkage.audits.rules import RULES, SEVERITIES


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


_TEXT = {"type": "string"}
_LINE = _or_null(
    _object(
        {
            "file": {"type": "string", "description": "relative to where the audit was run"},
            "line": {"type": "integer", "minimum": 1},
            "function": {"type": "string", "description": "empty at the top level of a file"},
        }
    )
)
_FINDING = _object(
    {
        "rule": {"type": "string", "enum": list(RULES)},
        "severity": {"type": "string", "enum": list(SEVERITIES)},
        "parameter": {"type": "string", "description": "its name; empty where it is about several"},
        "message": _TEXT,
        "remedy": _TEXT,
        "line": {**_LINE, "description": "where it probably comes from"},
    }
)
_PARAMETER = _object(
    {
        "parameter": _TEXT,
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "expected": {"type": "string", "description": "the terms; empty where there are none"},
        "mechanism": {"type": "string", "description": "how what was seen arrives"},
        "factor": {**_or_null({"type": "number"}), "description": "1 is right"},
        "error": {**_or_null({"type": "number"}), "description": "what rounding can have done"},
        "farthest": {
            **_or_null({"type": "number"}),
            "description": "the most that a prox takes from a weight in one step",
        },
    }
)
REPORT_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A report of shrinkage audit",
    **_object(
        {
            "ok": {"type": "boolean", "description": "whether no finding is an error"},
            "update": {
                **_or_null(_TEXT),
                "description": "or two, as a + b; null where parameters differ",
            },
            "only_scaled": {
                "type": "boolean",
                "description": "whether a penalty that no scale multiplies would not be seen",
            },
            "step": {**_LINE, "description": "where the audited training step begins"},
            "findings": {"type": "array", "items": _FINDING, "description": "worst first"},
            "parameters": {"type": "array", "items": _PARAMETER},
        }
    ),
}
