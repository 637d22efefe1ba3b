"""A scope that is one shared report; its reader is like those of 0003."""

from importlib import import_module

from django.db import migrations

_READERS = import_module("notionscan.migrations.0003_signed_scope")
_SHARE = _READERS._READER.format(
    name="scope_share",
    type="uuid",
    value="CASE WHEN split_part(claim, ':', 1) = 'share' THEN split_part(claim, ':', 2)::uuid END",
    seal=_READERS._SEAL,
)


class Migration(migrations.Migration):
    dependencies = [("notionscan", "0004_attempts")]
    operations = [migrations.RunSQL(_SHARE, "DROP FUNCTION scope_share()")]
