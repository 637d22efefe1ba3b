from django.db import migrations


class Migration(migrations.Migration):
    # Refused tokens are counted by the limits that all attempts share.
    dependencies = [("integrations", "0001_initial"), ("notionscan", "0004_attempts")]
    operations = [migrations.DeleteModel("FailedVerification")]
