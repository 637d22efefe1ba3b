"""The one shape in which the JSON API says what is wrong."""

from __future__ import annotations

from django import forms
from ninja import Schema


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
