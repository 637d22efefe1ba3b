"""Error reports name the place and show no value."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.core import mail
from django.test import RequestFactory
from django.utils.log import AdminEmailHandler
from django.views.debug import technical_500_response

CANARY = "ntn_CANARYwcR7tq0xJ2mVbKz5"


def failing_request() -> Any:
    factory = RequestFactory()
    factory.cookies["sessionid"] = CANARY
    return factory.post(
        f"/api/integrations/notion/callback?code={CANARY}",
        {"token": CANARY},
        headers={"Authorization": f"Bearer {CANARY}", "X-Forwarded-For": CANARY},
    )


def burst(token: str) -> None:
    held = {"token": token}
    raise LookupError(f"{len(held)} thing burst")


def test_the_mail_to_the_admins_holds_no_value(settings: Any) -> None:
    settings.ADMINS = [("Ops", "ops@example.com")]
    logger = logging.getLogger("tests.reports")
    handler = AdminEmailHandler(include_html=True)
    logger.addHandler(handler)
    try:
        burst(CANARY)
    except LookupError:
        logger.exception("Internal Server Error", extra={"request": failing_request(), "status_code": 500})
    finally:
        logger.removeHandler(handler)
    [message] = mail.outbox
    html = str(message.alternatives[0][0])  # type: ignore[attr-defined]
    for text in (message.subject, str(message.body), html):
        assert CANARY not in text
    assert "LookupError" in html
    assert "in burst" in str(message.body)


def test_the_page_of_debug_holds_no_value(settings: Any) -> None:
    settings.DEBUG = True
    with pytest.raises(LookupError) as failure:
        burst(CANARY)
    page = technical_500_response(failing_request(), failure.type, failure.value, failure.tb)
    text = page.content.decode()
    assert "LookupError" in text
    # What a caller wrote in its own code is shown as code.
    assert text.count(CANARY) == 0
