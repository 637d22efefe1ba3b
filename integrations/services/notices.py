"""Mail to an organization's admins when a connection has stopped working: once for each time it does."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from integrations.card import fault_of
from integrations.models import Integration
from integrations.providers import NOTION, PROVIDERS
from tenants import selectors as tenants


def mail_of_error(*, organization_id: UUID, integration_id: UUID) -> None:
    """Tell the admins what happened and what helps, unless it works again or they were told already.

    A job that is started again after a mail server's failure, or a worker's end, tries to tell them again.
    """
    with transaction.atomic():
        integration = (
            Integration.objects.select_related("organization")
            .filter(
                organization_id=organization_id,
                pk=integration_id,
                status=Integration.Status.ERROR,
                error_mailed_at__isnull=True,
            )
            .first()
        )
        if integration is None:
            return
        addresses = tenants.admin_addresses(organization_id)
    subject, text = _letter(integration)
    # One by one: nobody needs to learn who the others are.
    letters = [EmailMessage(subject, text, to=[address]) for address in addresses]
    get_connection().send_messages(letters)
    with transaction.atomic():
        Integration.objects.filter(
            organization_id=organization_id, pk=integration_id, error_since=integration.error_since
        ).update(error_mailed_at=timezone.now())


def _letter(integration: Integration) -> tuple[str, str]:
    organization = integration.organization
    title = PROVIDERS[integration.provider].title
    scans = ", and scans do not start" if integration.provider == NOTION else ""
    fault = fault_of(integration)
    address = settings.BASE_URL + reverse("integrations:page", args=[organization.slug])
    sentences = [
        *([fault.sentence, fault.remedy_sentence] if fault else []),
        f"Until then nothing is read{scans}. This mail is sent once.",
        address,
    ]
    return f"{organization.name}: the connection to {title} has stopped working", "\n\n".join(sentences)
