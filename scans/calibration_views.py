"""The calibration page: thresholds and weights with a preview, pins, people, mutes, and its history."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from audit.record import label as audit_label
from integrations.errors import IntegrationError
from notionscan.http import Request
from scans import amendments, presentation, preview, selectors
from scans.analysis.calibration import PINS, THRESHOLDS, Calibration, CalibrationRefused
from scans.forms import MuteForm
from scans.services import calibration
from tenants import access
from tenants.policy import Member
from tenants.roles import Permission

# What a form that repeats another has of its own.
_NOT_REPEATED = ("csrfmiddlewaretoken", "based_on", "confirm")


@require_safe
def page(request: Request, slug: str) -> HttpResponse:
    return _page(request, access.member(request, slug, Permission.READ))


@require_POST
def try_out(request: Request, slug: str) -> HttpResponse:
    """Show what other figures would change, and save nothing."""
    member = access.member(request, slug, Permission.MANAGE)
    return _preview(request, member, _figures(request), to=reverse("scans:calibration_save", args=[slug]))


@require_POST
def save(request: Request, slug: str) -> HttpResponse:
    return _change(request, access.member(request, slug, Permission.MANAGE), _figures(request))


@require_POST
def roll_back(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    number = _number(request.POST.get("number"))
    try:
        earlier = calibration.content_of(member.organization, number)
    except IntegrationError as refusal:
        return _refused(request, member, refusal.sentence, status=refusal.status)
    return _change(request, member, amendments.replaced_by(earlier, number))


@require_POST
def pin(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    object_id = request.POST.get("object", "").strip()
    return _change(request, member, amendments.pin(object_id, request.POST.get("pin", "")))


@require_POST
def person(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    values = {name: request.POST.get(name, "").strip() or None for name in ("is", "team", "stand_in")}
    return _change(request, member, amendments.describe_person(request.POST.get("person", ""), values))


@require_POST
def mute(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.WRITE)
    form = MuteForm(request.POST)
    if not form.is_valid():
        sentences = [str(error) for errors in form.errors.values() for error in errors]
        return _refused(request, member, " ".join(sentences))
    said = form.cleaned_data
    return _change(
        request,
        member,
        amendments.mute(
            rule=said["rule"],
            scope=said["scope"] or None,
            reason=said["reason"],
            until=said["until"].isoformat(),
            by=audit_label(member.user),
        ),
    )


@require_POST
def unmute(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.WRITE)
    scope = request.POST.get("scope") or None
    return _change(request, member, amendments.unmute(rule=request.POST.get("rule", ""), scope=scope))


@require_POST
def label(request: Request, slug: str) -> HttpResponse:
    """Label a finding at once: all that it changes is what the label says of this one."""
    member = access.member(request, slug, Permission.WRITE)
    now = selectors.calibration(member.organization.pk)
    verdict = request.POST.get("label", "")
    labelled = amendments.label_finding(request.POST.get("key", ""), verdict, by=audit_label(member.user))
    return _save(request, member, labelled, based_on=now.number)


def _figures(request: Request) -> amendments.Amendment:
    return amendments.figures(request.POST.dict(), request.POST.get("note", "").strip())


def _change(request: Request, member: Member, amendment: amendments.Amendment) -> HttpResponse:
    """Show what a change would do, or save it once somebody saw that and confirmed."""
    if "confirm" not in request.POST:
        return _preview(request, member, amendment, to=request.path)
    return _save(request, member, amendment, based_on=_number(request.POST.get("based_on")))


def _preview(request: Request, member: Member, amendment: amendments.Amendment, *, to: str) -> HttpResponse:
    now = selectors.calibration(member.organization.pk)
    content = now.calibration.as_dict()
    amendment(content)
    try:
        found = preview.difference(member.organization.pk, content)
    except CalibrationRefused as refusal:
        return _refused(request, member, refusal.sentence, content)
    tried = {
        "difference": found,
        "changes": amendments.differences(now.calibration.as_dict(), Calibration.of(content).as_dict()),
        "to": to,
        "fields": [each for each in request.POST.items() if each[0] not in _NOT_REPEATED],
    }
    return _page(request, member, content=content, tried=tried)


def _save(
    request: Request, member: Member, amendment: amendments.Amendment, *, based_on: int
) -> HttpResponse:
    try:
        calibration.amend(
            organization=member.organization, actor=member.user, amendment=amendment, based_on=based_on
        )
    except CalibrationRefused as refusal:
        return _refused(request, member, refusal.sentence, _amended(member, amendment))
    except IntegrationError as refusal:
        content = _amended(member, amendment)
        return _refused(request, member, refusal.sentence, content, status=refusal.status)
    messages.success(request, "The calibration was saved. All scans are being scored anew.")
    back = "scans:findings" if request.POST.get("back") == "findings" else "scans:calibration"
    return redirect(back, member.organization.slug)


def _amended(member: Member, amendment: amendments.Amendment) -> dict[str, Any]:
    content = selectors.calibration(member.organization.pk).calibration.as_dict()
    amendment(content)
    return content


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
    tried: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    now = selectors.calibration(member.organization.pk)
    shown = content or now.calibration.as_dict()
    report = selectors.newest_report(member.organization.pk)
    names = {each["id"]: each["name"] for each in report.analysis["people"]["persons"]} if report else {}
    said = now.calibration.people
    context = {
        "organization": member.organization,
        "member": member,
        "number": now.number,
        "versions": selectors.calibration_versions(member.organization.pk),
        "weights": [(name, presentation.DIMENSIONS[name], value) for name, value in shown["weights"].items()],
        "rules": _rules(shown, report.analysis["metrics"] if report else []),
        "pins": [(each, pinned.replace("_", " ")) for each, pinned in sorted(now.calibration.pins.items())],
        "pin_choices": [(each, each.replace("_", " ")) for each in PINS],
        "people": [
            (who, name, said[who], names.get(said[who]["stand_in"] or "", ""))
            for who, name in _by_name({who: names.get(who, "") for who in said})
        ],
        "names": _by_name(names),
        "mutes": now.calibration.mutes,
        "precision": _precision(now.calibration),
        "tried": tried,
    }
    return render(request, "scans/calibration.html", context, status=status)


def _by_name(names: dict[str, str]) -> list[tuple[str, str]]:
    """Return people as (id, name), those whose names Notion does not tell last."""
    return sorted(names.items(), key=lambda each: (not each[1], each[1].casefold(), each[0]))


def _precision(now: Calibration) -> list[tuple[str, int, int]]:
    """Return of each rule how many labelled findings are right, and how many were labelled."""
    counts: dict[str, list[bool]] = {}
    for key, verdict in now.labels_by_key().items():
        counts.setdefault(key.partition(":")[0], []).append(verdict != "false_positive")
    return [(rule, sum(right), len(right)) for rule, right in sorted(counts.items())]


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


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else -1
