"""Words that titles are held against, in English, German, French and Spanish."""

from __future__ import annotations

import polars as pl

# What Notion calls something that nobody named.
UNTITLED = (
    "untitled", "new page", "untitled database", "new database",
    "unbenannt", "ohne titel", "neue seite", "unbenannte datenbank",
    "sans titre", "nouvelle page", "base de données sans titre",
    "sin título", "página nueva", "nueva página", "base de datos sin título",
)  # fmt: skip
# Under one of these, something old is where it belongs.
ARCHIVES = ("archive", "archives", "archived", "archiv", "archivo", "archivos", "ablage", "old", "trash")
# A title that says of itself that nobody should use it.
RETIRED = (
    r"archived?", r"old", r"deprecated", r"obsolete", r"outdated", r"legacy", r"do not use", r"don'?t use",
    r"veraltet", r"nicht (?:mehr )?verwenden", r"alt",
    r"obsolète", r"ne pas utiliser", r"périmé",
    r"obsoleto", r"no usar", r"antiguo",
)  # fmt: skip
# What should not be found on the web without anybody having meant it.
SENSITIVE = (
    r"salary", r"salaries", r"payroll", r"compensation", r"password", r"passwords", r"credentials",
    r"api keys?", r"contract", r"contracts", r"board", r"cap table", r"medical", r"sick leave",
    r"disciplinary", r"layoffs?", r"acquisition", r"confidential", r"passport", r"bank details",
    r"investor", r"performance reviews?", r"gehalt", r"gehälter", r"passwort", r"passwörter",
    r"vertrag", r"verträge", r"vorstand", r"krankheit", r"kündigung", r"vertraulich", r"salaire",
    r"salaires", r"mot de passe", r"mots de passe", r"contrat", r"contrats", r"médical",
    r"confidentiel", r"salario", r"salarios", r"contraseña", r"contraseñas", r"contrato", r"contratos",
    r"médico", r"confidencial",
)  # fmt: skip
# Said of a copy at the end of its title, and by Notion at its beginning.
_ENDINGS = (
    r"copy", r"\d+", r"old", r"draft", r"v\d+", r"kopie", r"alt", r"entwurf", r"copie", r"ancien",
    r"brouillon", r"copia", r"antiguo", r"borrador",
)  # fmt: skip
# A number alone is a copy's in brackets only: a year is part of a title.
_PLAIN = tuple(each for each in _ENDINGS if each != r"\d+")
COPY_BEGINNING = r"^(?:copy of\s+)+"
COPY_ENDING = rf"(?:\s*\((?:{'|'.join(_ENDINGS)})\)|(?:\s+|\s*[-–—_:]\s*)(?:{'|'.join(_PLAIN)}))+$"


def is_archive(title: pl.Expr) -> pl.Expr:
    """Say whether something is named as an archive; an icon before the word is often part of a title."""
    bare = title.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N} ]", "").str.strip_chars()
    return bare.is_in(ARCHIVES)


def whole_words(words: tuple[str, ...]) -> str:
    """Return a pattern that finds one of the words as a word of its own, in any case."""
    return rf"(?i)(?:^|[^\p{{L}}\p{{N}}])(?:{'|'.join(words)})(?:$|[^\p{{L}}\p{{N}}])"
