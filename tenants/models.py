"""Users, organizations, memberships, the grants that follow them, and each organization's data key."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from guardian.models import UserObjectPermissionBase

from notionscan.rls import Scoped
from tenants.roles import Maturity, Permission, Role


class UserManager(BaseUserManager["User"]):
    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> User:
        """Create a staff account, as the owner role; its address counts as verified: its operator made it."""
        from allauth.account.models import EmailAddress  # refers to this very model

        user = self.model(
            email=self.normalize_email(email).lower(), is_staff=True, is_superuser=True, **fields
        )
        user.set_password(password)
        user.save(using=self._db)
        EmailAddress.objects.using(self._db).create(user=user, email=user.email, verified=True, primary=True)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known across organizations; what they may do there is said by memberships alone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField("e-mail", unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_staff = models.BooleanField("staff", default=False)
    is_active = models.BooleanField("active", default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        return self.name or self.email


class Organization(Scoped, models.Model):
    """A customer. Its own row is fenced by its id."""

    scope_column = "id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.CharField(
        max_length=50,
        unique=True,
        validators=[
            RegexValidator(
                r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z",
                "A slug has lower-case letters, digits and hyphens, "
                "and starts and ends with a letter or digit.",
            )
        ],
    )
    name = models.CharField(
        max_length=120,
        validators=[RegexValidator(r"^[^\x00-\x1f\x7f]*\Z", "A name is one line of text.")],
        error_messages={"blank": "Give the organization a name."},
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        permissions = [(permission.value, f"May {permission.label}") for permission in Permission]

    def __str__(self) -> str:
        return self.name


class OrganizationUserPermission(Scoped, UserObjectPermissionBase):
    """guardian's grant with a direct foreign key, so that it can carry a policy."""

    scope_column = "content_object_id"

    content_object = models.ForeignKey(Organization, on_delete=models.CASCADE)


class Membership(Scoped, models.Model):
    """A person's role in an organization: the truth that grants follow."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="membership_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.organization_id}"


class DataKey(Scoped, models.Model):
    """The organization's data key, wrapped by the key ring; destroying it destroys what it sealed."""

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, primary_key=True)
    wrapped = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"data key of {self.organization_id}"


class ServiceAccount(Scoped, models.Model):
    """A script's or an agent's way in: one organization, a maturity, and a key that is stored nowhere."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="service_accounts")
    name = models.CharField(max_length=100)
    maturity = models.CharField(max_length=16, choices=Maturity)
    # The first characters of the key, by which people tell keys apart, and the SHA-256 of the whole.
    key_prefix = models.CharField(max_length=16)
    key_hash = models.CharField(max_length=64, db_index=True)
    # Pages, databases and data sources that it may use, with all below them; empty means whatever is shared.
    roots = ArrayField(models.UUIDField(), default=list)
    requests_per_minute = models.PositiveIntegerField(default=60)
    expires_at = models.DateTimeField()
    # Who answers for it: who made it, or who confirmed it since.
    sponsor_id = models.UUIDField()
    sponsor_label = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True)
    # Since its sponsor left the organization, until an admin confirms it.
    suspended_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    # The minute that is being counted, and the requests in it.
    window_started_at = models.DateTimeField(null=True)
    window_used = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(maturity__in=Maturity.values), name="service_account_maturity_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.key_prefix}…)"

    @property
    def state(self) -> str:
        """``revoked``, ``expired``, ``suspended`` or ``active``, of which the first that holds."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at <= timezone.now():
            return "expired"
        return "suspended" if self.suspended_at is not None else "active"


# Who acts: a person, or a service account.
Actor = User | ServiceAccount


class OrganizationEntry(models.Model):
    """The staff's directory of organizations; empty in any other scope."""

    id = models.UUIDField(primary_key=True)
    slug = models.CharField(max_length=50)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    members = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "staff_organizations"
        verbose_name = "organization"

    def __str__(self) -> str:
        return self.slug
