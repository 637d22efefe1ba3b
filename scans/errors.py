"""What can be wrong with a request about a scan."""

from __future__ import annotations

from integrations.errors import IntegrationError


class AlreadyScanning(IntegrationError):
    code = "scan_under_way"
    status = 409
    sentence = "A scan is under way. Wait for its end, or cancel it."


class NothingToCancel(IntegrationError):
    code = "scan_has_ended"
    status = 409
    sentence = "This scan has ended already; there is nothing to cancel."
