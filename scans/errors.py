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


class CalibrationMovedOn(IntegrationError):
    code = "calibration_moved_on"
    status = 409
    sentence = "Somebody else changed the calibration meanwhile. Look at theirs, and make your change again."


class NoSuchCalibration(IntegrationError):
    code = "calibration_not_found"
    status = 404
    sentence = "There is no such version of the calibration."


class NoSuchFinding(IntegrationError):
    code = "finding_not_found"
    status = 404
    sentence = "There is no such finding."


class NoReport(IntegrationError):
    code = "report_not_found"
    status = 404
    sentence = "There is no report to share yet. Scan the workspace first."


class NoSuchShare(IntegrationError):
    code = "share_not_found"
    status = 404
    sentence = "There is no such link."


class ShareRefused(IntegrationError):
    code = "share_refused"
