"""The shapes that all of the JSON API shares: its bodies, and how it says what is wrong."""

from __future__ import annotations

from django import forms
from ninja import Schema
from pydantic import ConfigDict
from pydantic.alias_generators import to_camel


class CamelSchema(Schema):
    """A body of the JSON API: names in camelCase, and none that is not known."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Problem(Schema):
    """A sentence for people, a code for programs."""

    error: str
    code: str


class Invalid(Exception):
    """A request body that cannot be used; one sentence says what to correct."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence

    @classmethod
    def of_form(cls, form: forms.Form) -> Invalid:
        return cls(next(str(messages[0]) for messages in form.errors.values()))
