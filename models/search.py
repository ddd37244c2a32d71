"""Full-text search over tasks, answered newest first without looking at every match.

Every word of a query must begin a word of the title or the description; only the first
LONGEST letters of a word count.  SQLite: FTS5 with an index of every prefix, read backwards
along the row number.  PostgreSQL: lexemes that carry the number's bucket, so that a search
reads one stretch of numbers at a time.  Both indexes are made in
migrations/versions/0001_first_schema.py; models/task_list.py asks.  Why:
docs/decisions/0020-lists-that-do-not-slow-down.md.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Select,
    SQLColumnExpression,
    Text,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.sql.expression import column, table

LONGEST = 16
MOST_WORDS = 12
SMALL_BITS = 10
"""Numbers that agree above these bits share a small bucket; the migration's function says the same."""
LARGE_BITS = 15

_INDEX = "task_search"
_FTS5 = table(_INDEX, column("rowid", BigInteger))
_LEXEMES = table(_INDEX, column("number", BigInteger), column("words", TSVECTOR))
_SMALL_BUCKETS_AT_ONCE = (2, 16)
_LARGE_BUCKETS_AT_FIRST = 32


@dataclass(frozen=True)
class Stretch:
    """The numbers from `low` up to but without `high`; `bits` is the kind of bucket to ask there."""

    low: int
    high: int
    bits: int = LARGE_BITS


def is_search_object(name: str | None) -> bool:
    """Whether a table or index of the database is part of the search index."""
    return bool(name and name.startswith(_INDEX))


def words_of(query: str) -> list[str]:
    """The query's words as the index holds them; none for a query without a letter or a digit."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", query).lower())
    return list(dict.fromkeys(word[:LONGEST] for word in words))[:MOST_WORDS]


def stretches(below: int, newest: int, dialect: Dialect) -> list[Stretch]:
    """All numbers below `below`, highest first, each stretch many times as long as the one before.

    A word that is frequent fills its page from the first, short one; a word that did not cannot have many
    matches in the next.  So every stretch costs about the same, whatever the word.  FTS5 reads its lists
    backwards and needs only one.
    """
    if dialect.name == "sqlite":
        return [Stretch(0, below)]
    return list(_bucketed(max(2, min(below, newest + 1))))


def _bucketed(high: int) -> Iterator[Stretch]:
    for count in _SMALL_BUCKETS_AT_ONCE:
        if high <= 1:
            return
        low = max(0, ((high - 1) >> SMALL_BITS) - count + 1) << SMALL_BITS
        yield Stretch(low, high, SMALL_BITS)
        high = low
    count = _LARGE_BUCKETS_AT_FIRST
    while high > 1:
        low = max(0, ((high - 1) >> LARGE_BITS) - count + 1) << LARGE_BITS
        yield Stretch(low, high)
        high, count = low, count * 32


def numbers_matching(words: list[str], stretch: Stretch, dialect: Dialect) -> Select[int]:
    """The numbers, as `number` and highest first, of the tasks in the stretch that have all the words.

    PostgreSQL is made to read them through the word index, whatever is done with them: OFFSET 0 and the sum
    keep the planner, which guesses the matches badly, from walking the numbers instead.
    """
    if dialect.name == "sqlite":
        rowid = _FTS5.c.rowid
        wanted = select(rowid.label("number")).where(_fts5_has(words), rowid >= stretch.low, rowid < stretch.high)
        return wanted.order_by(rowid.desc())
    number = _LEXEMES.c.number
    has_words = _LEXEMES.c.words.op("@@")(cast(_tsquery(words, stretch), TSQUERY))
    # The buckets begin at `low`; the first of them may reach beyond `high`.
    return select(number).where(has_words, number + 0 < stretch.high).order_by(number.desc()).offset(0)


def has_words(words: list[str], number: SQLColumnExpression[int], dialect: Dialect) -> ColumnElement[bool]:
    """Whether the one task with this number has all the words."""
    if dialect.name == "sqlite":
        return select(_FTS5.c.rowid).where(_fts5_has(words), _FTS5.c.rowid == number).exists()
    bucket = cast(literal_column(f"{_INDEX}.number >> {LARGE_BITS}", BigInteger), Text)
    query = func.replace(" & ".join(f"'l#:{word}':*" for word in words), "#", bucket)
    wanted = _LEXEMES.c.words.op("@@")(cast(query, TSQUERY))
    return select(_LEXEMES.c.number).where(_LEXEMES.c.number == number, wanted).exists()


def _fts5_has(words: list[str]) -> ColumnElement[bool]:
    return literal_column(_INDEX).op("MATCH")(" ".join(f'"{word}"*' for word in words))


def _tsquery(words: list[str], stretch: Stretch) -> str:
    """The words in each bucket of the stretch: `('s3:report':* & 's3:sales':*) | …`."""
    kind = "s" if stretch.bits == SMALL_BITS else "l"
    buckets = range((stretch.high - 1) >> stretch.bits, (stretch.low >> stretch.bits) - 1, -1)
    each = (" & ".join(f"'{kind}{bucket}:{word}':*" for word in words) for bucket in buckets)
    return " | ".join(f"({wanted})" for wanted in each)
