"""Can one find one's way: names, duplicates, depth, and what lies about at the root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from scans.analysis import lexicon
from scans.analysis.frames import Frames
from scans.analysis.measures import (
    Rule,
    Verdict,
    because,
    finding,
    metric,
    number,
    score_of,
    share,
    worst_first,
)

_UNTITLED = Rule("T1", "structure", "Untitled", "Name them, or delete those that were never filled.", "S")
_DUPLICATES = Rule(
    "T2", "structure", "Duplicate titles", "Keep the one that people use, and move or merge the others."
)
_DEEP = Rule(
    "T3", "structure", "Deep nesting", "Move what is used often nearer to the root, or into a database."
)
_ROOTS = Rule(
    "T4",
    "structure",
    "Sprawl at the root",
    "Give each root page a home below a team's page.",
    unit="count",
)
_RETIRED = Rule(
    "T5", "structure", "Live but retired", "Move what is called old below an archive, or into the trash.", "S"
)

# So many at the root are never too many for anybody.
_A_FEW = 10


def rules(frames: Frames) -> list[Verdict]:
    return [_untitled(frames), _duplicates(frames), _deep(frames), _roots(frames), _retired(frames)]


def _named(frames: Frames, rule: str) -> pl.DataFrame:
    """Return documents and data sources with their titles as people read them.

    A data source is as old as the last touch of it or of its rows.
    """
    columns = ["object_id", "kind", "title", "edited_at", "steward", "is_retired", "in_archive"]
    documents = frames.documents.select(*columns, "age", "weight", is_hub=pl.lit(False))
    sources = frames.sources.select(*columns, age="quiet", weight="gravity", is_hub="is_hub")
    both = pl.concat([documents, sources]).with_columns(
        plain=pl.col("title").str.strip_chars().str.to_lowercase()
    )
    return frames.judged(rule, both)


def _is_untitled() -> pl.Expr:
    return (pl.col("plain") == "") | pl.col("plain").is_in(lexicon.UNTITLED)


def _untitled(frames: Frames) -> Verdict:
    """Documents and data sources apart: a few nameless databases would vanish among many pages."""
    named = _named(frames, "T1")
    both = [
        _untitled_of(frames, named.filter(kind="page"), "documents"),
        _untitled_of(frames, named.filter(kind="data_source"), "databases", about=["data_source"]),
    ]
    worse = max(both, key=lambda verdict: verdict.metric.value or 0.0)
    return Verdict(worse.metric, [each for verdict in both for each in verdict.findings])


def _untitled_of(frames: Frames, among: pl.DataFrame, what: str, about: Sequence[str] = ()) -> Verdict:
    found = worst_first(among.filter(_is_untitled()), "weight", "edited_at")
    return share(
        frames,
        _UNTITLED,
        affected=because(found, "No title of its own"),
        among=among,
        saying=f"{{}} of the {what} have no title of their own",
        formula="Documents whose title is empty or what Notion calls a new one, by all documents; and data "
        f"sources, by all of those. The worse of the two is the measure. Here: {what}.",
        about=about,
    )


def _duplicates(frames: Frames) -> Verdict:
    days = frames.limits("T2")["days"]
    named = _named(frames, "T2").with_columns(key=_key())
    same = ["kind", "key"]
    grouped = named.filter(~_is_untitled() & (pl.col("key") != "")).with_columns(
        pl.len().over(same).alias("size"),
        (pl.col("age") < days).sum().over(same).alias("alive"),
        pl.col("is_hub").any().over(same).alias("with_hub"),
    )
    # Of a group one is no duplicate.
    found = grouped.filter(pl.col("size") > 1).sort("key", "kind", "object_id")
    extra = found.filter(pl.int_range(pl.len()).over(same) > 0)
    listed = worst_first(extra, "with_hub", "alive", "size", "key")
    reason = pl.format(
        "{} of this title, {} of them touched in {} days", "size", "alive", pl.lit(round(days))
    )
    verdict = share(
        frames,
        _DUPLICATES,
        affected=because(listed, reason),
        among=named,
        saying="{} of the documents and databases bear a title that another has already",
        formula="Documents, and apart from them data sources, whose title is another's but for case, signs, "
        "and an ending such as copy, (1), old, draft or v2, all but one of each group, by all. Rows are left "
        "out. Databases compete where two or more of a title were touched of late and one is among the tenth "
        "with the highest gravity.",
    )
    competing = found.filter(pl.col("with_hub") & (pl.col("alive") > 1))
    if not competing.height:
        return verdict
    # Whatever their share: two live databases of one title, and one of them a hub, split what is known.
    return Verdict(
        verdict.metric,
        [replace(each, severity="high", title=_competing(competing)) for each in verdict.findings],
    )


def _competing(databases: pl.DataFrame) -> str:
    groups = databases["key"].n_unique()
    title = (
        f"{databases.height:,} databases of {'one title' if groups == 1 else f'{groups:,} titles'} compete"
    )
    return f"{title}, and {'one of them is a hub' if groups == 1 else 'hubs are among them'}"


def _key() -> pl.Expr:
    """Return what is left of a title without case, signs, and what only tells copies apart."""
    folded = pl.col("plain").str.normalize("NFKC").str.to_lowercase().str.replace_all("ß", "ss")
    return (
        folded.str.replace(lexicon.COPY_BEGINNING, "")
        .str.replace(lexicon.COPY_ENDING, "")
        .str.replace_all(r"[^\p{L}\p{N}]+", " ")
        .str.strip_chars()
    )


def _deep(frames: Frames) -> Verdict:
    most = frames.limits("T3")["depth"]
    among = frames.judged("T3", frames.documents).filter(pl.col("depth").is_not_null())
    found = worst_first(among.filter(pl.col("depth") > most), "depth", "weight")
    deepest = int(number(among["depth"].max()))
    lost = frames.documents.height - frames.documents["depth"].count()
    return share(
        frames,
        _DEEP,
        affected=because(found, pl.format("{} levels deep", pl.col("depth"))),
        among=among,
        saying=f"{{}} of the documents stand more than {most:.0f} levels deep",
        formula=f"Documents with more than {most:.0f} pages or databases above them, by all whose "
        f"place is known. The deepest has {deepest}. Not counted, as what is above them was not seen: "
        f"{lost:,}.",
        confidence=among.height / max(1, frames.documents.height),
        can_tell=bool(among.height) or not frames.documents.height,
    )


def _roots(frames: Frames) -> Verdict:
    limits = frames.limits("T4")
    columns = ["object_id", "kind", "title", "edited_at", "age", "steward", "edited_by", "created_by"]
    documents = frames.documents.select(*columns, "parent_kind", "has_children")
    databases = frames.databases.select(*columns, "parent_kind", has_children=pl.lit(True))
    at_root = frames.judged("T4", pl.concat([documents, databases])).filter(
        pl.col("parent_kind") == "workspace"
    )
    is_stray = ~pl.col("has_children") & (pl.col("edited_by") == pl.col("created_by")) & (pl.col("age") > 180)
    found = at_root.with_columns(stray=is_stray.fill_null(False)).sort(
        "stray", "age", "object_id", descending=[True, True, False], nulls_last=True
    )
    editors = _active_editors(frames)
    ratio = at_root.height / editors if editors and at_root.height > _A_FEW else None
    pressure = max(at_root.height / limits["crit"], (ratio or 0.0) / limits["crit_ratio"])
    is_many = at_root.height > limits["warn"] or (ratio or 0.0) > limits["warn_ratio"]
    is_too_many = at_root.height > limits["crit"] or (ratio or 0.0) > limits["crit_ratio"]
    formula = (
        f"Live pages and databases at the root: more than {limits['warn']:.0f} or "
        f"{limits['warn_ratio']:g} per "
        f"active editor are many, {limits['crit']:.0f} or {limits['crit_ratio']:g} too many; "
        f"{_A_FEW} are few for anybody. Active editors: {editors:,}. Strays among them, "
        f"without children, of one author and untouched for 180 days: {int(found['stray'].sum()):,}."
    )
    level = "low" if frames.is_small else "high" if is_too_many else "medium"
    reason = pl.when(pl.col("stray")).then(pl.lit("A stray at the root")).otherwise(pl.lit("At the root"))
    return Verdict(
        metric(
            frames,
            _ROOTS,
            float(at_root.height),
            float(at_root.height),
            float(editors),
            formula,
            score=score_of("T4", pressure, 0.5, 1.0),
            is_present=is_many,
        ),
        [
            finding(
                frames,
                _ROOTS,
                severity=level,
                title=f"{at_root.height:,} pages and databases stand at the root",
                formula=formula,
                evidence=because(found, reason),
                weight=min(1.0, pressure),
            )
        ]
        if is_many
        else [],
    )


def _active_editors(frames: Frames) -> int:
    touched = pl.concat(
        [each.select("edited_by", "edited_by_bot", "age") for each in (frames.documents, frames.rows)]
    )
    return (
        touched.filter((pl.col("age") < 90) & ~pl.col("edited_by_bot"))["edited_by"].drop_nulls().n_unique()
    )


def _retired(frames: Frames) -> Verdict:
    among = _named(frames, "T5").filter(~pl.col("is_retired"))
    says_so = pl.col("title").str.contains(lexicon.whole_words(lexicon.RETIRED))
    is_archive = pl.col("in_archive") | lexicon.is_archive(pl.col("title"))
    found = worst_first(among.filter(says_so & ~is_archive), "weight", "edited_at")
    return share(
        frames,
        _RETIRED,
        affected=because(found, "Its title says that it is old"),
        among=among,
        saying="{} of the documents and databases say in their title that they are retired, and are live",
        formula="Documents and data sources with a word such as archive, old, deprecated or do "
        "not use in their "
        "title, that stand below no archive, by all.",
    )
