"""What can be changed of a calibration: each a function that changes its content, and says what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Content = dict[str, Any]
# Changes the content in place, and returns the note for the history.
Amendment = Callable[[Content], str]


def figures(given: Mapping[str, object], note: str) -> Amendment:
    """Set weights and thresholds by names such as thresholds.V1.warn."""

    def amend(content: Content) -> str:
        for name, value in given.items():
            kind, _, rest = name.partition(".")
            if kind == "weights":
                content["weights"][rest] = _figure(value)
            elif kind == "thresholds":
                rule, _, field = rest.partition(".")
                content["thresholds"].setdefault(rule, {})[field] = _figure(value)
        return note or "Thresholds and weights changed"

    return amend


def pin(object_id: str, pinned: str) -> Amendment:
    """Pin an object; an empty pin takes it back."""

    def amend(content: Content) -> str:
        content["pins"].pop(object_id, None)
        if pinned:
            content["pins"][object_id] = pinned
        return f"Pin {pinned.replace('_', ' ') or 'removed'}"

    return amend


def describe_person(person: str, values: dict[str, str | None]) -> Amendment:
    """Say what somebody is: a service account, gone, of a team, and who stands in."""

    def amend(content: Content) -> str:
        content["people"].pop(person, None)
        if any(values.values()):
            content["people"][person] = values
        return "Person described"

    return amend


def mute(*, rule: str, scope: str | None, reason: str, until: str, by: str) -> Amendment:
    """Mute a rule, or one object of it, until a day."""

    def amend(content: Content) -> str:
        content["mutes"].append({"rule": rule, "scope": scope, "reason": reason, "until": until, "by": by})
        return f"{rule} muted until {until}"

    return amend


def unmute(*, rule: str, scope: str | None) -> Amendment:
    """End what mutes a rule, or one object of it."""

    def amend(content: Content) -> str:
        content["mutes"] = [
            each for each in content["mutes"] if (each["rule"], each["scope"]) != (rule, scope)
        ]
        return f"{rule} no longer muted"

    return amend


def label_finding(key: str, verdict: str, *, by: str) -> Amendment:
    """Say whether a finding is right, wrong, or a risk that is accepted; an empty verdict takes it back."""

    def amend(content: Content) -> str:
        content["labels"] = [each for each in content["labels"] if each["key"] != key]
        if verdict:
            content["labels"].append({"key": key, "label": verdict, "by": by})
        return f"{key[:100]} labelled {verdict.replace('_', ' ') or 'no more'}"

    return amend


def replaced_by(earlier: Content, number: int) -> Amendment:
    """Go back to an earlier calibration; 0 is the default."""

    def amend(content: Content) -> str:
        content.clear()
        content.update(earlier)
        return f"Back to version {number}" if number else "Back to the default"

    return amend


def differences(before: Content, after: Content) -> list[str]:
    """Return what changed from one checked content to another, in words."""
    found = [
        f"{name} {before['weights'][name]:g} → {value:g}"
        for name, value in after["weights"].items()
        if before["weights"][name] != value
    ]
    found += [
        f"{rule} {field.replace('_', ' ')} {before['thresholds'][rule][field]:g} → {value:g}"
        for rule, fields in after["thresholds"].items()
        for field, value in fields.items()
        if before["thresholds"][rule][field] != value
    ]
    for name, words in (("pins", "pin"), ("people", "person")):
        changed = {**before[name], **after[name]}
        count = sum(before[name].get(each) != after[name].get(each) for each in changed)
        found += [f"{count:,} {words}{'' if count == 1 else 's'}"] if count else []
    for name, words in (("mutes", "mute"), ("labels", "label")):
        added = sum(each not in before[name] for each in after[name])
        ended = sum(each not in after[name] for each in before[name])
        found += [f"{added:,} {words}{'' if added == 1 else 's'} added"] if added else []
        found += [f"{ended:,} {words}{'' if ended == 1 else 's'} ended"] if ended else []
    return found


def _figure(text: object) -> object:
    """Return a number, or the text as it is: then its range is what refuses it."""
    try:
        return float(str(text))
    except ValueError:
        return text
