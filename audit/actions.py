"""The closed list of what an event can be about. Add to it; never rename."""

from django.db import models


class Action(models.TextChoices):
    LOGIN = "auth.login", "Logged in"
    LOGIN_FAILED = "auth.login_failed", "Login failed"
    LOGOUT = "auth.logout", "Logged out"
    PASSWORD_CHANGED = "auth.password_changed", "Password changed"
    MEMBER_ADDED = "member.added", "Member added"
    MEMBER_ROLE_CHANGED = "member.role_changed", "Role changed"
    MEMBER_REMOVED = "member.removed", "Member removed"
    INTEGRATION_AUTHORIZE_STARTED = "integration.authorize_started", "Authorization started"
    INTEGRATION_CONNECTED = "integration.connected", "Connection made"
    INTEGRATION_TOKEN_ROTATED = "integration.token_rotated", "Token updated"
    INTEGRATION_TOKEN_REFRESHED = "integration.token_refreshed", "Token refreshed"
    INTEGRATION_ERROR = "integration.error", "Connection failed"
    INTEGRATION_RECOVERED = "integration.recovered", "Connection recovered"
    INTEGRATION_TESTED = "integration.tested", "Connection tested"
    INTEGRATION_DISCONNECTED = "integration.disconnected", "Connection ended"
    ACCESS_DENIED = "access.denied", "Access denied"
    NOTION_READ = "notion.read", "Notion read"
    SCAN_STARTED = "scan.started", "Scan started"
    SCAN_COMPLETED = "scan.completed", "Scan completed"
    SCAN_INCOMPLETE = "scan.incomplete", "Scan ended incomplete"
    SCAN_SCHEDULED = "scan.scheduled", "Scan schedule changed"
    SCAN_CANCELLED = "scan.cancelled", "Scan cancelled"
    CALIBRATION_CHANGED = "calibration.changed", "Calibration changed"
    SHARE_CREATED = "share.created", "Report shared"
    SHARE_VIEWED = "share.viewed", "Shared report opened"
    SHARE_REVOKED = "share.revoked", "Share revoked"
    FINDING_ASSIGNED = "finding.assigned", "Finding assigned"
    AUDIT_EXPORTED = "audit.exported", "Audit log exported"
    ENCRYPTION_ROTATED = "encryption.rotated", "Encryption key rotated"
    ORGANIZATION_CREATED = "organization.created", "Organization created"
    ORGANIZATION_DELETED = "organization.deleted", "Organization deleted"


class Result(models.TextChoices):
    SUCCESS = "success", "Success"
    DENIED = "denied", "Denied"
    ERROR = "error", "Error"
