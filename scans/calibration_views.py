"""The calibration page: thresholds and weights with a preview, pins, people, mutes, and its history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from integrations.errors import IntegrationError
from notionscan.http import Request
from scans import presentation, preview, selectors
from scans.analysis.calibration import LABELS, PINS, THRESHOLDS, CalibrationRefused
from scans.forms import MuteForm
from scans.services import calibration
from tenants import access
from tenants.policy import Member
from tenants.roles import Permission


@require_safe
def page(request: Request, slug: str) -> HttpResponse:
    return _page(request, access.member(request, slug, Permission.READ))


@require_POST
def try_out(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    content = _with_figures(member, request.POST)
    try:
        found = preview.difference(member.organization.pk, content)
    except CalibrationRefused as refusal:
        return _refused(request, member, refusal.sentence, content)
    return _page(request, member, content=content, difference=found, is_tried=True)


@require_POST
def save(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    content = _with_figures(member, request.POST)
    try:
        calibration.change_calibration(
            organization=member.organization,
            actor=member.user,
            content=content,
            based_on=_number(request.POST.get("based_on")),
            note=request.POST.get("note", "").strip() or "Thresholds and weights changed",
        )
    except CalibrationRefused as refusal:
        return _refused(request, member, refusal.sentence, content)
    except IntegrationError as refusal:
        return _refused(request, member, refusal.sentence, content, status=refusal.status)
    messages.success(request, "The calibration was saved. All scans are being scored anew.")
    return redirect("scans:calibration", slug)


@require_POST
def roll_back(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    return _done(
        request,
        member,
        "The earlier calibration is in force again.",
        lambda: calibration.roll_back(
            organization=member.organization,
            actor=member.user,
            number=_number(request.POST.get("number")),
            based_on=_number(request.POST.get("based_on")),
        ),
    )


@require_POST
def pin(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    return _done(
        request,
        member,
        "The pin was saved.",
        lambda: calibration.pin(
            organization=member.organization,
            actor=member.user,
            object_id=request.POST.get("object", "").strip(),
            pinned=request.POST.get("pin", ""),
        ),
    )


@require_POST
def person(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    values = {name: request.POST.get(name, "").strip() or None for name in ("is", "team", "stand_in")}
    return _done(
        request,
        member,
        "What you said of this person was saved.",
        lambda: calibration.describe_person(
            organization=member.organization,
            actor=member.user,
            person=request.POST.get("person", ""),
            values=values,
        ),
    )


@require_POST
def mute(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.WRITE)
    form = MuteForm(request.POST)
    if not form.is_valid():
        sentences = [str(error) for errors in form.errors.values() for error in errors]
        return _refused(request, member, " ".join(sentences))
    return _done(
        request,
        member,
        "Muted.",
        lambda: calibration.mute(
            organization=member.organization,
            actor=member.user,
            rule=form.cleaned_data["rule"],
            scope=form.cleaned_data["scope"] or None,
            reason=form.cleaned_data["reason"],
            until=form.cleaned_data["until"].isoformat(),
        ),
    )


@require_POST
def unmute(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.WRITE)
    return _done(
        request,
        member,
        "No longer muted.",
        lambda: calibration.unmute(
            organization=member.organization,
            actor=member.user,
            rule=request.POST.get("rule", ""),
            scope=request.POST.get("scope") or None,
        ),
    )


@require_POST
def label(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.WRITE)
    return _done(
        request,
        member,
        "The label was saved.",
        lambda: calibration.label_finding(
            organization=member.organization,
            actor=member.user,
            key=request.POST.get("key", ""),
            verdict=request.POST.get("label", ""),
        ),
    )


def _done(request: Request, member: Member, sentence: str, service: Callable[[], object]) -> HttpResponse:
    try:
        service()
    except CalibrationRefused as refusal:
        return _refused(request, member, refusal.sentence)
    except IntegrationError as refusal:
        return _refused(request, member, refusal.sentence, status=refusal.status)
    messages.success(request, sentence)
    back = "scans:findings" if request.POST.get("back") == "findings" else "scans:calibration"
    return redirect(back, member.organization.slug)


def _refused(
    request: Request,
    member: Member,
    sentence: str,
    content: dict[str, Any] | None = None,
    *,
    status: int = 400,
) -> HttpResponse:
    messages.error(request, sentence)
    return _page(request, member, content=content, status=status)


def _page(
    request: Request,
    member: Member,
    *,
    content: dict[str, Any] | None = None,
    difference: preview.Difference | None = None,
    is_tried: bool = False,
    status: int = 200,
) -> HttpResponse:
    now = selectors.calibration(member.organization.pk)
    shown = content or now.calibration.as_dict()
    report = selectors.newest_report(member.organization.pk)
    names = {each["id"]: each["name"] for each in report.analysis["people"]["persons"]} if report else {}
    context = {
        "organization": member.organization,
        "member": member,
        "number": now.number,
        "versions": selectors.calibration_versions(member.organization.pk),
        "weights": [(name, presentation.DIMENSIONS[name], value) for name, value in shown["weights"].items()],
        "rules": _rules(shown, report.analysis["metrics"] if report else []),
        "pins": sorted(now.calibration.pins.items()),
        "pin_choices": PINS,
        "label_choices": LABELS,
        "people": [(who, names.get(who, who), said) for who, said in now.calibration.people.items()],
        "names": sorted(names.items(), key=lambda each: each[1].casefold()),
        "mutes": now.calibration.mutes,
        "difference": difference,
        "is_tried": is_tried,
    }
    return render(request, "scans/calibration.html", context, status=status)


def _rules(content: dict[str, Any], metrics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {each["id"]: each["name"] for each in metrics}
    return [
        {
            "id": rule,
            "name": names.get(rule, rule),
            "fields": [
                {
                    "name": f"thresholds.{rule}.{name}",
                    "label": name.replace("_", " "),
                    "value": content["thresholds"].get(rule, {}).get(name, default),
                    "least": least,
                    "most": most,
                }
                for name, (default, (least, most)) in fields.items()
            ],
        }
        for rule, fields in THRESHOLDS.items()
    ]


def _with_figures(member: Member, post: QueryDict) -> dict[str, Any]:
    """Return the calibration in force with the thresholds and weights that were sent."""
    content = selectors.calibration(member.organization.pk).calibration.as_dict()
    for name, value in post.items():
        kind, _, rest = name.partition(".")
        if kind == "weights":
            content["weights"][rest] = _figure(value)
        elif kind == "thresholds":
            rule, _, field = rest.partition(".")
            content["thresholds"].setdefault(rule, {})[field] = _figure(value)
    return content


def _figure(text: object) -> object:
    """Return a number, or the text as it is: then its range is what refuses it."""
    try:
        return float(str(text))
    except ValueError:
        return text


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else -1
