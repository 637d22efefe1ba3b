"""A model field that is encrypted at rest and sealed in memory.

    integration.access_token = Secret("ntn_…")   # encrypted when the row is saved
    integration.access_token.reveal()            # decrypted, bound to this very row

The row's table, column, organization and primary key are the associated data, so primary keys must be
UUIDs made in Python, and a ciphertext copied to another place does not open.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import FieldError
from django.db import models

from notionscan import keyring
from notionscan.secret import Secret


class Ciphertext(str):
    """What ``seal`` made; the only text that the field writes, so that plain text never gets through."""

    __slots__ = ()


class Sealed:
    """The attribute's value: a ciphertext in its place, or a secret on its way to the database."""

    __slots__ = ("_field", "_instance", "_value")

    def __init__(self, value: str | Secret, instance: models.Model, field: EncryptedField) -> None:
        self._value = value
        self._instance = instance
        self._field = field

    def of_same_row(self, instance: models.Model, field: EncryptedField) -> Sealed:
        """Return the same value for another object of the same row, as ``refresh_from_db`` needs.

        Raises: TypeError for another row or field, where the ciphertext could never be opened.
        """
        if self._field != field or self._instance.pk != instance.pk:
            raise TypeError(f"{field.name}: a sealed value is bound to its row; assign value.reveal().")
        return Sealed(self._value, instance, field)

    def reveal(self) -> Secret:
        """Decrypt.

        Raises: DecryptFailed if the value was altered, moved, or its key is gone.
        """
        if isinstance(self._value, Secret):
            return self._value
        return keyring.unseal(self._value, **self._field.binding(self._instance))

    def ciphertext(self) -> Ciphertext:
        """Return the stored form, sealing a fresh secret first."""
        if isinstance(self._value, Secret):
            self._value = keyring.seal(self._value, **self._field.binding(self._instance))
        return Ciphertext(self._value)

    def __repr__(self) -> str:
        return "Sealed(***)"

    __str__ = __repr__


class _SealedAttribute:
    """Wraps what is assigned, whether a ``Secret`` by our code or a ciphertext by the ORM."""

    def __init__(self, field: EncryptedField) -> None:
        self.field = field

    def __get__(self, instance: models.Model | None, owner: type[models.Model]) -> Any:
        if instance is None:
            return self
        if self.field.attname not in instance.__dict__:
            instance.refresh_from_db(fields=[self.field.attname])
        return instance.__dict__[self.field.attname]

    def __set__(self, instance: models.Model, value: Any) -> None:
        if isinstance(value, Sealed):
            value = value.of_same_row(instance, self.field)
        elif isinstance(value, _Stored):
            value = Sealed(value.text, instance, self.field)
        elif isinstance(value, Secret):
            value = Sealed(value, instance, self.field)
        elif value is not None:
            raise TypeError(f"{self.field.name} takes a Secret, not {type(value).__name__}.")
        instance.__dict__[self.field.attname] = value


class _Stored:
    """What was read from the database; not a ``str``, so that no code can assign plain text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class EncryptedField(models.TextField):  # type: ignore[type-arg]
    """Text encrypted with the organization's data key; never filtered on, never bulk-updated."""

    # A new row starts with None: an empty string would be plain text.
    empty_strings_allowed = False

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, self.attname, _SealedAttribute(self))

    def binding(self, instance: models.Model) -> dict[str, Any]:
        """Return what the ciphertext is bound to: the organization, and the place in its tables."""
        return {
            "organization_id": instance.organization_id,  # type: ignore[attr-defined]
            "place": f"{self.model._meta.db_table}|{self.column}|{instance.pk}",
        }

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> _Stored | None:
        return None if value is None else _Stored(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> str | None:
        sealed = getattr(model_instance, self.attname)
        return None if sealed is None else sealed.ciphertext()

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        # update() and bulk_update() come here without pre_save, and so without a ciphertext.
        if value is None:
            return None
        if not isinstance(value, Ciphertext):
            raise FieldError(f"{self.name} is encrypted for one row; assign it and save() that row.")
        return str(value)

    def get_prep_value(self, value: Any) -> Any:
        return value

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        raise FieldError(f"{self.name} is encrypted and cannot be searched.")

    def value_to_string(self, obj: models.Model) -> str:
        return "***"

    def formfield(self, **kwargs: Any) -> None:
        """Return nothing: an encrypted field is never part of a model form or the admin."""
        return
