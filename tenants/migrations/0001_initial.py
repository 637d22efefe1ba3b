import uuid

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from notionscan import rls

# ARRAY(…) is an init plan: the memberships are read once per statement and the primary key is used.
OWN_ORGANIZATIONS = """
CREATE POLICY also_1 ON tenants_organization FOR SELECT
    USING (id = ANY (ARRAY(
        SELECT organization_id FROM tenants_membership WHERE user_id = (SELECT scope_user())
    )));
"""

# What is needed before a scope exists: an operator's command knows a slug and nothing else.
LOOKUPS = """
CREATE FUNCTION organization_id_of(wanted text) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT id FROM public.tenants_organization WHERE slug = wanted $$;
REVOKE ALL ON FUNCTION organization_id_of(text) FROM PUBLIC;
"""

# The staff scope opens no customer's table; it gets these columns, and only as long as it is bound.
STAFF_DIRECTORY = """
CREATE FUNCTION staff_organizations_rows()
    RETURNS TABLE (id uuid, slug text, name text, created_at timestamptz, members bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT o.id, o.slug, o.name, o.created_at,
           (SELECT count(*) FROM public.tenants_membership m WHERE m.organization_id = o.id)
    FROM public.tenants_organization o
    WHERE public.scope_kind() = 'staff'
    $$;
REVOKE ALL ON FUNCTION staff_organizations_rows() FROM PUBLIC;
CREATE VIEW staff_organizations WITH (security_invoker = true) AS
    SELECT * FROM staff_organizations_rows();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("notionscan", "0001_scope"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        rls.CreateScopedModel(
            name="Organization",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "slug",
                    models.CharField(
                        max_length=50,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\\Z",
                                "A slug has lower-case letters, digits and hyphens, and starts and ends with a letter or digit.",
                            )
                        ],
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        error_messages={"blank": "Give the organization a name."},
                        max_length=120,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[^\\x00-\\x1f\\x7f]*\\Z", "A name is one line of text."
                            )
                        ],
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "permissions": [
                    ("read_organization", "May read"),
                    ("write_organization", "May write"),
                    ("delete_organization", "May delete"),
                    ("manage_organization", "May manage"),
                ],
                "default_permissions": (),
            },
            bases=(rls.Scoped, models.Model),
            scope_column="id",
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("email", models.EmailField(max_length=254, unique=True, verbose_name="e-mail")),
                ("name", models.CharField(blank=True, max_length=150)),
                ("is_staff", models.BooleanField(default=False, verbose_name="staff")),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                ("date_joined", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
        ),
        rls.CreateScopedModel(
            name="DataKey",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="tenants.organization",
                    ),
                ),
                ("wrapped", models.TextField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            bases=(rls.Scoped, models.Model),
        ),
        rls.CreateScopedModel(
            name="Membership",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[("admin", "Admin"), ("editor", "Editor"), ("viewer", "Viewer")],
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="tenants.organization",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            bases=(rls.Scoped, models.Model),
            # A person sees their own memberships: the chooser, and the way into an organization.
            also=[("SELECT", "user_id = (SELECT scope_user())")],
        ),
        rls.CreateScopedModel(
            name="OrganizationUserPermission",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "content_object",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tenants.organization"),
                ),
                (
                    "permission",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="auth.permission"),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
            bases=(rls.Scoped, models.Model),
            scope_column="content_object_id",
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("email"), name="user_email_any_case"
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(fields=("organization", "user"), name="membership_once"),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["admin", "editor", "viewer"])), name="membership_role_known"
            ),
        ),
        migrations.AlterUniqueTogether(
            name="organizationuserpermission",
            unique_together={("user", "permission", "content_object")},
        ),
        migrations.RunSQL(OWN_ORGANIZATIONS, "DROP POLICY also_1 ON tenants_organization"),
        migrations.RunSQL(LOOKUPS, "DROP FUNCTION organization_id_of(text)"),
        migrations.RunSQL(
            STAFF_DIRECTORY, "DROP VIEW staff_organizations; DROP FUNCTION staff_organizations_rows()"
        ),
        migrations.CreateModel(
            name="OrganizationEntry",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("slug", models.CharField(max_length=50)),
                ("name", models.CharField(max_length=120)),
                ("created_at", models.DateTimeField()),
                ("members", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "organization",
                "db_table": "staff_organizations",
                "managed": False,
            },
        ),
    ]
