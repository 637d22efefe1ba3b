from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notionscan", "0003_signed_scope")]
    operations = [
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=64)),
                ("started_at", models.DateTimeField()),
                ("counts_until", models.DateTimeField(db_index=True)),
                ("is_open", models.BooleanField(default=True)),
            ],
            options={"indexes": [models.Index(fields=["key", "started_at"], name="attempt_of_key")]},
        ),
    ]
