"""``/trust``: the isolation policy as it really works, for customers: each sentence with what enforces it."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@dataclass(frozen=True)
class Promise:
    sentence: str
    held_by: str


@dataclass(frozen=True)
class Part:
    title: str
    promises: tuple[Promise, ...]


PARTS = (
    Part(
        "Your data and other customers",
        (
            Promise(
                "Each customer's rows are kept apart by the database, not only by our code.",
                "PostgreSQL row security, enabled and forced on every table with customers' rows. The site and "
                "its workers connect with roles that own nothing and cannot switch it off.",
            ),
            Promise(
                "A query that forgets whose data it is about shows nothing, instead of somebody else's.",
                "Every transaction carries the organization it works for. Without one there are no rows.",
            ),
            Promise(
                "SQL smuggled into our own connection cannot choose your organization.",
                "The database checks a signature on that scope, with a key that the connection cannot read, and "
                "keeps it for one transaction alone.",
            ),
            Promise(
                "Whoever is not a member of your organization cannot even learn that it is here.",
                "One answer, byte for byte, for what is not theirs and for what does not exist.",
            ),
            Promise(
                "A table or an address that somebody adds without these fences does not reach you.",
                "The set-up of the database refuses such a table, and our tests such an address.",
            ),
        ),
    ),
    Part(
        "People",
        (
            Promise(
                "What your people may do follows from their role: admin, editor or viewer.",
                "One check that pages and the API share, asked on every request, so that removing somebody ends "
                "their access at once.",
            ),
            Promise(
                "Our staff see the name of your organization and whether its connection works. Nothing inside.",
                "The staff site reads a directory and no table of yours; a superuser's flag counts for nothing in "
                "an organization.",
            ),
            Promise(
                "Passwords cannot be guessed at leisure, and a stolen copy of our session table opens nothing.",
                "Limits by account and by address, counted in the database; sessions are stored hashed.",
            ),
        ),
    ),
    Part(
        "Your Notion token",
        (
            Promise(
                "Your token is encrypted with a key of your organization, in its own place.",
                "AES-256-GCM, bound to table, column, organization and row: copied elsewhere, it does not open.",
            ),
            Promise(
                "It is opened to call Notion, and appears nowhere else: no page, log, mail, error report or job.",
                "A type that prints as ***, and tests that look for a planted token in all of those places.",
            ),
            Promise(
                "Disconnect ends it: revoked at Notion where Notion allows that, and erased here.",
                "Notion revokes public connections. An internal integration's token ends in Notion's own "
                "settings, which the card says.",
            ),
            Promise(
                "In an emergency we disable all connections at once, also while Notion is down.",
                "One command; after it only revocations leave.",
            ),
        ),
    ),
    Part(
        "The record",
        (
            Promise(
                "What is done, and what is refused, is in your audit log, or it is not done.",
                "The event is written in the same transaction as its effect.",
            ),
            Promise(
                "An event that is changed, removed, inserted or moved shows.",
                "A chain of hashes without gaps for each organization. The site may only append to it.",
            ),
            Promise(
                "You need not take our word for it.",
                "Your admins download the log and a signed checkpoint; against it, even a log that we wrote anew "
                "or cut off shows.",
            ),
        ),
    ),
    Part(
        "When you leave",
        (
            Promise(
                "Deleting your organization removes its rows and destroys its key.",
                "You get a receipt with the number of rows. The audit chain stays, as the proof that it happened.",
            ),
        ),
    ),
)
# What no fence of ours covers; said here, so that nobody has to find it out.
LIMITS = (
    "Whoever operates this site has its machines and keys, and could read what the site can read.",
    "Backups stay readable until they expire or the keys that wrap yours are destroyed.",
    "E-mail addresses, names and password hashes of people are in one table for all customers. SQL smuggled "
    "into our connection could read it, and change nothing in it but its own person.",
    "Notion keeps its own copy of everything, and applies its own rules to it.",
)


@require_safe
@login_not_required
def trust(request: HttpRequest) -> HttpResponse:
    return render(request, "trust.html", {"parts": PARTS, "limits": LIMITS})
