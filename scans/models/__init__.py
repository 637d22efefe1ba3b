"""Scans, what they saw, and the reports made of it."""

from scans.models.report import CalibrationVersion, Finding, Report
from scans.models.scan import Scan, Schedule, Seen, Stream
from scans.models.share import Share, ShareView
from scans.models.version import Version

__all__ = [
    "CalibrationVersion",
    "Finding",
    "Report",
    "Scan",
    "Schedule",
    "Seen",
    "Share",
    "ShareView",
    "Stream",
    "Version",
]
