"""A report's content without what only the organization should read: titles hidden, people by their initials.

What is not known to be a figure or a word of ours is hidden, so that a new field is not shown by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Texts that we write ourselves, whatever the workspace is called.
_OURS = frozenset(
    {
        "as_of",
        "asOf",
        "at",
        "band",
        "caps",
        "dimension",
        "effort",
        "engine",
        "engine_version",
        "explanation",
        "formula",
        "from",
        "key",
        "kind",
        "label",
        "metrics",
        "reasons",
        "remedy",
        "rule",
        "severity",
        "standing",
        "state",
        "status",
        "thresholds",
        "type",
        "unit",
        "weakest",
    }
)
# Sentences and names of ours where they stand in these lists.
_OURS_IN = {"findings": ("title",), "metrics": ("id", "name"), "dimensions": ("name",)}
_KIND = {
    "page": "Page",
    "data_source": "Database",
    "database": "Database",
    "user": "Person",
    "block": "Block",
}
HIDDEN = "····"


def redacted(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content as somebody outside may read it."""
    analysis = _walk(content["analysis"], "")
    analysis["findings"] = [
        each
        | {
            "evidence": [_row(row, number) for number, row in enumerate(own["evidence"], start=1)],
            # An id, of whom the names below have the initials.
            "owner": own.get("owner"),
        }
        for each, own in zip(analysis["findings"], content["analysis"]["findings"], strict=True)
    ]
    analysis["gravity"] = [
        each | {"title": f"Database {HIDDEN}{number}", "id": ""}
        for number, each in enumerate(analysis["gravity"], start=1)
    ]
    people = content["analysis"]["people"]
    analysis["people"] = {
        "total": people["total"],
        "persons": [
            _walk(each, "persons") | {"id": "", "name": initials(each["name"]), "team": None}
            for each in people["persons"]
        ],
        "names": {person: initials(name) for person, name in people["names"].items()},
    }
    return {
        "organization": {"id": "", "name": content["organization"]["name"]},
        "scan": _walk(content["scan"], ""),
        "calibration": {"number": content["calibration"]["number"]},
        "engine": content["engine"],
        "analysis": analysis,
    }


def initials(name: str) -> str:
    """Return the first letters of the parts of a name."""
    return "".join(f"{part[0].upper()}." for part in name.split()[:3])


def _row(row: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return a row of evidence: what kind of thing, and which of them, and who."""
    return {
        "id": "",
        "kind": row["kind"],
        "title": f"{_KIND.get(row['kind'], 'Object')} {HIDDEN}{number}",
        # Reasons name properties of databases.
        "reason": row["reason"] if row["kind"] in ("page", "user") else "",
        "at": row["at"],
        "by": row["by"],
    }


def _walk(value: Any, inside: str, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {each: _walk(found, inside, each) for each, found in value.items()}
    if isinstance(value, list):
        # What stands in a list is named by it, and texts in one by the field that holds them.
        return [_walk(each, name or inside, "" if isinstance(each, Mapping) else name) for each in value]
    if isinstance(value, str) and name not in _OURS and name not in _OURS_IN.get(inside, ()):
        return HIDDEN
    return value
