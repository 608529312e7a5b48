"""Makes the columnar copy of a snapshot: one DuckDB file with a table of pairs for each property, and the terms.

A term's number says where it stands in SPARQL's order: `number >> 10` is its rank, which terms of equal value (the same
moment written in two time zones) share; data have even ranks, so that a constant of a query fits between any two.
IRIs come first, then each family of literals (numbers, moments, plain texts, each language, each other datatype), so
that a range of numbers is a family. See kb.columns.compile for what is done with them.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kb.columns.extract import extract
from kb.columns.wanted import Wanted, wanted
from kb.errors import MizanError
from kb.process import cores
from kb.storage import replace_file

if TYPE_CHECKING:
    import duckdb

FORMAT = 1
FILE = "columns.duckdb"
BITS = 10  # of a number, for terms of equal value
# What terms are told apart by while they are sorted, with the other half of the digest to see when it does not do.
# The engine's own hash() gave 66 pairs of real labels one number among 4.4 million terms.
HASH = "md5_number_lower({0})"
_MEMORY = "1500MB"
_XSD = "http://www.w3.org/2001/XMLSchema#"
# A literal in N-Triples: its text, its language, its datatype. The text ends at the last quote.
_PARTS = """
    CASE WHEN text[1] = '<' THEN text[2:-2] ELSE regexp_extract(text, '^"(.*)"[^"]*$', 1, 's') END AS written,
    CASE WHEN text[1] = '<' THEN '' ELSE regexp_extract(text, '"@([A-Za-z0-9-]+)$', 1) END AS language,
    CASE WHEN text[1] = '<' THEN '' ELSE regexp_extract(text, '"\\^\\^<([^<>"]*)>$', 1) END AS datatype
"""
# chr(1) cannot stand in N-Triples: it keeps a written backslash apart from one that escapes
_VALUE = r"""replace(replace(replace(replace(replace(replace(replace(replace(
    written, '\\', chr(1)), '\"', '"'), '\n', chr(10)), '\r', chr(13)), '\t', chr(9)),
    '\b', chr(8)), '\f', chr(12)), chr(1), '\')"""
_FAMILY = f"""CASE
    WHEN text[1] = '<' THEN 'iri'
    WHEN language <> '' THEN 'lang:' || language
    WHEN datatype = '' THEN 'string'
    WHEN datatype IN ('{_XSD}integer', '{_XSD}decimal') THEN 'number'
    WHEN datatype = '{_XSD}dateTime' AND regexp_full_match(written, '.*(Z|[+-][0-9][0-9]:[0-9][0-9])') THEN 'moment'
    ELSE 'type:' || datatype END"""
_KEY = """CASE
    WHEN family = 'number' THEN try_cast(written AS DECIMAL(38, 12))
    WHEN family = 'moment' THEN epoch_us(try_cast(written AS TIMESTAMPTZ))::DECIMAL(38, 12) END"""


class ColumnsFailed(MizanError):
    """The columnar copy could not be made; nothing of it is used."""

    title = "The columns could not be made"


Progress = Callable[[int], None]


def make(store: Path, target: Path, progress: Progress = lambda done: None) -> Path:
    """`build`, unless the file is there already; ColumnsFailed where another process is at it."""
    try:
        import duckdb  # noqa: F401
    except ImportError as error:
        hint = "Install it with: pip install 'mizan-kb[match]'"
        raise ColumnsFailed("Columns need DuckDB", str(error), hint) from None
    with (target.parent / f".{target.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go when this process ends
        except BlockingIOError:
            raise ColumnsFailed("Another process makes these columns now", "", "Wait until it has ended.") from None
        if not stands(target):
            build(store, target, progress)
    return target


def build(store: Path, target: Path, progress: Progress = lambda done: None, wants: Wanted | None = None) -> None:
    """Make the columnar copy of the store in folder `store` as file `target`, which appears only when it is whole.

    `progress` is told how many triples are read. Work files lie beside the target and go at the end.
    """
    import duckdb

    wants = wants or wanted()
    work = target.with_name(f".{target.name}.work")
    shutil.rmtree(work, ignore_errors=True)  # of a build that was killed
    work.mkdir(parents=True)
    try:
        (work / "tsv").mkdir()
        files = extract(store, work / "tsv", wants.properties, progress)
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": cores(), "memory_limit": _MEMORY, "temp_directory": str(work / "spilt"),
            "preserve_insertion_order": False, "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
        }  # fmt: skip
        with duckdb.connect(str(work / "sorted.duckdb"), config=config) as base:
            fill(base, files, wants)
            # into a file without the room that was needed on the way, which the engine does not give back
            place = str(work / FILE).replace("'", "''")
            base.execute(f"ATTACH '{place}' AS whole")
            base.execute("COPY FROM DATABASE sorted TO whole")
            base.execute("DETACH whole")
        size = (work / FILE).stat().st_size
        replace_file(_mark(target), str(size).encode())
        (work / FILE).rename(target)
    except duckdb.Error as error:
        raise ColumnsFailed(f"{target} could not be made", " ".join(str(error).split())[:300]) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def stands(target: Path) -> bool:
    """Whether a columnar copy is there, and as long as it was made: the engine may end a process on a cut one."""
    try:
        return target.stat().st_size == int(_mark(target).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return False


def _mark(target: Path) -> Path:
    return target.with_name(f"{target.name}.bytes")


def fill(base: duckdb.DuckDBPyConnection, files: dict[str, Path], wants: Wanted) -> None:
    """Write all tables from the files of `extract`, which are removed as they are read."""
    base.execute("SET TimeZone = 'UTC'")
    base.execute("CREATE TABLE found (h UBIGINT, c UBIGINT, text VARCHAR)")
    order = sorted(files, key=lambda iri: (-files[iri].stat().st_size, iri))
    for place, iri in enumerate(order):
        _read(base, place, files[iri])
    if base.execute("SELECT 1 FROM (SELECT h FROM found GROUP BY h HAVING count(*) > 1) LIMIT 1").fetchone():
        raise ColumnsFailed("Two terms have one hash", "columns of this snapshot cannot be made", "")
    base.execute("SET preserve_insertion_order = true")  # from here on tables are written in order
    _number(base)
    properties: dict[str, dict[str, object]] = {}
    for place, iri in enumerate(order):
        base.execute(
            f"CREATE TABLE p{place} AS SELECT a.id AS s, b.id AS o FROM raw{place} r "
            "JOIN numbered a ON a.h = r.s JOIN numbered b ON b.h = r.o ORDER BY o, s"
        )
        base.execute(f"DROP TABLE raw{place}")
        rows = base.execute(
            f"SELECT DISTINCT f.family FROM p{place} p JOIN families f ON p.o BETWEEN f.low AND f.high"
        ).fetchall()
        size = base.execute(f"SELECT count(*) FROM p{place}").fetchall()[0][0]
        properties[iri] = {"table": f"p{place}", "families": sorted(r[0] for r in rows), "rows": size}
    base.execute("DROP TABLE numbered")
    chains = {" ".join(links): _close(base, n, links, properties) for n, links in enumerate(sorted(wants.chains))}
    about = {"format": FORMAT, "properties": properties, "chains": chains}
    base.execute("CREATE TABLE about (said VARCHAR)")
    base.execute("INSERT INTO about VALUES (?)", [json.dumps(about)])
    base.execute("CHECKPOINT")


def _read(base: duckdb.DuckDBPyConnection, place: int, path: Path) -> None:
    """The pairs of one property as hashes, and the terms in them that were not found before."""
    columns = "columns = {'s': 'VARCHAR', 'o': 'VARCHAR'}, delim = '\t', header = false, quote = '', escape = ''"
    # with the engine's own buffers for such lines its memory would not do
    room = "max_line_size = 4194304, buffer_size = 16777216"
    source = f"read_csv(?, {columns}, auto_detect = false, {room}, nullstr = '')"
    hashes = f"{HASH.format('s')} AS hs, {HASH.format('o')} AS ho"
    base.execute(f"CREATE TABLE read AS SELECT s, o, {hashes} FROM {source}", [str(path)])
    base.execute(f"CREATE TABLE raw{place} AS SELECT hs AS s, ho AS o FROM read")
    for end in ("o", "s"):
        base.execute(
            f"INSERT INTO found SELECT h, c, any_value(text) FROM (SELECT h{end} AS h, "
            f"md5_number_upper({end}) AS c, {end} AS text FROM read) r "
            "WHERE NOT EXISTS (SELECT 1 FROM found f WHERE f.h = r.h AND f.c = r.c) GROUP BY h, c"
        )
    base.execute("DROP TABLE read")
    path.unlink()


def _number(base: duckdb.DuckDBPyConnection) -> None:
    """Number all terms in order: table `terms` (id, text, value), `families` with their ranges, `numbered` by hash."""
    if base.execute("SELECT 1 FROM found WHERE text[1] NOT IN ('<', '\"') LIMIT 1").fetchone():
        raise ColumnsFailed("The snapshot has a blank node", "columns hold none", "")
    base.execute(
        f"CREATE TABLE keyed AS SELECT *, {_KEY} AS key FROM (SELECT *, {_FAMILY} AS family, {_VALUE} AS value "
        f"FROM (SELECT h, text, {_PARTS} FROM found))"
    )
    base.execute("DROP TABLE found")
    unordered = "SELECT text FROM keyed WHERE family IN ('number', 'moment') AND key IS NULL LIMIT 1"
    lost = base.execute(unordered).fetchone()
    if lost:
        raise ColumnsFailed(f"{lost[0]} cannot be put in order", "columns of this snapshot cannot be made", "")
    literal = "family <> 'iri', family, key, CASE WHEN key IS NULL THEN value END"
    base.execute(
        "CREATE TABLE ranked AS SELECT *, (rank * 2) << 10 AS first, "
        "row_number() OVER (PARTITION BY rank ORDER BY text) - 1 AS tie FROM "
        f"(SELECT h, text, value, family, key, dense_rank() OVER (ORDER BY {literal}) AS rank FROM keyed)"
    )
    base.execute("DROP TABLE keyed")
    if base.execute("SELECT 1 FROM ranked WHERE tie > 1000 LIMIT 1").fetchone():
        raise ColumnsFailed("Too many terms have one value", "columns of this snapshot cannot be made", "")
    base.execute(
        "CREATE TABLE terms AS SELECT first + tie AS id, text, CASE WHEN family <> 'iri' THEN value END AS value, key "
        "FROM ranked ORDER BY id"
    )
    base.execute(
        "CREATE TABLE families AS SELECT family, min(first + tie) AS low, max(first + tie) AS high, "
        "max(tie) > 0 AS ties, bool_or(contains(value, '\\u')) AS odd FROM ranked GROUP BY family"
    )
    base.execute("CREATE TABLE numbered AS SELECT h, first + tie AS id FROM ranked")
    base.execute("DROP TABLE ranked")


def _close(
    base: duckdb.DuckDBPyConnection, number: int, links: Iterable[str], properties: dict[str, dict[str, object]]
) -> str:
    """A table with every pair that one or more steps over these properties connect.

    Only what is stepped to leads on, and that is little: the many (each incident's own place) are only stepped from.
    """
    tables = [str(properties[iri]["table"]) for iri in links]
    steps = " UNION ".join(f"SELECT s, o FROM {table}" for table in tables)
    base.execute(f"CREATE TEMP TABLE steps AS SELECT DISTINCT s, o FROM ({steps})")
    base.execute("CREATE TEMP TABLE inner_steps AS SELECT * FROM steps WHERE s IN (SELECT o FROM steps)")
    base.execute(
        "CREATE TEMP TABLE beyond AS WITH RECURSIVE up AS (SELECT s, o FROM inner_steps UNION "
        "SELECT up.s, i.o FROM up JOIN inner_steps i ON i.s = up.o) SELECT s, o FROM up"
    )
    base.execute(
        f"CREATE TABLE c{number} AS SELECT s, o FROM (SELECT s, o FROM steps UNION "
        "SELECT steps.s, beyond.o FROM steps JOIN beyond ON beyond.s = steps.o) ORDER BY o, s"
    )
    for table in ("steps", "inner_steps", "beyond"):
        base.execute(f"DROP TABLE {table}")
    return f"c{number}"
