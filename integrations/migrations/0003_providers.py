from django.db import migrations, models


class Migration(migrations.Migration):
    # What a provider without workspaces needs, whose accounts are no UUIDs and whose tokens run out.
    dependencies = [("integrations", "0002_drop_failed_verification")]
    operations = [
        migrations.AlterField("integration", "workspace_id", models.UUIDField(null=True)),
        migrations.AlterField("integration", "account_id", models.CharField(max_length=64)),
        migrations.AddField("integration", "access_token_expires_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "pendingrevocation", "token_hint", models.CharField(default="access_token", max_length=16)
        ),
    ]
