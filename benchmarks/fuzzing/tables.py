"""Tables of runs in every format that is read, plain and damaged, and conditions on their columns."""

import csv
import gzip
import io
import random
from typing import Any

from fuzzing import odd
from fuzzing.inputs import Input, Words, chance

QUICK: Words = ("--draws", "20", "--starts", "2")
QUICK_DRAWS: Words = ("--draws", "20")
HEADERS = {
    "N": ("N", "params", "n_params", "Parameters", "non_embedding_params", "N (M)", "model size"),
    "D": ("D", "tokens", "n_tokens", "Tokens", "tokens (B)", "train_tokens"),
    "C": ("C", "flops", "FLOPs", "compute"),
    "loss": ("loss", "val_loss", "eval/loss", "Loss", "test_loss", "final loss"),
}
LAWS = ("chinchilla", "chinchilla-tied", "power", "power-floor", "kaplan-joint", "saturating", "varying-exponent")
Rows = list[list[Any]]


def plain_rows(rng: random.Random) -> Rows:
    """Header and cells of a table of runs of a law of N and D, with noise and some columns beside."""
    sizes = [10 ** rng.uniform(6, 9) for _ in range(rng.choice((4, 5, 6) * 4 + (1, 2)))]
    lengths = [10 ** rng.uniform(8, 11) for _ in range(rng.choice((3, 4, 5) * 4 + (1, 2)))]
    header = [rng.choice(HEADERS[role]) for role in ("N", "D", "loss")]
    rows = [[f"{N:.6g}", f"{D:.6g}", _loss(rng, N, D)] for N in sizes for D in lengths]
    if chance(rng, 0.4):
        header, rows = (
            [*header, rng.choice(HEADERS["C"])],
            [[*row, f"{6 * float(row[0]) * float(row[1]):.6g}"] for row in rows],
        )
    if chance(rng, 0.4):
        header, rows = ["run", *header], [[f"run-{i}", *row] for i, row in enumerate(rows)]
    if chance(rng, 0.3):
        header, rows = [*header, "lr", "tag"], [[*row, rng.choice(("1e-3", "3e-4")), rng.choice("ab")] for row in rows]
    return [header, *rows]


def _loss(rng: random.Random, N: float, D: float) -> str:
    return f"{(1.7 + 400 * N**-0.34 + 410 * D**-0.28) * rng.gauss(1, 0.005):.5g}"


def damaged_rows(rng: random.Random, rows: Rows) -> Rows:
    """A table with one change to a cell, a row, a column or the header; rows need not be of one length."""
    rows = [list(row) for row in rows]
    row = rng.choice(rows[1:] or rows)
    column = rng.randrange(max(1, len(row)))
    return rng.choice(CHANGES)(rng, rows, row, column)


def _cell(rng: random.Random, rows: Rows, row: list[Any], column: int) -> Rows:
    row[column : column + 1] = [odd.word(rng)]
    return rows


def _column(rng: random.Random, rows: Rows, row: list[Any], column: int) -> Rows:
    new = rng.choice(("nan", "", "1e9", odd.word(rng)))
    return [rows[0], *([*each[:column], new, *each[column + 1 :]] for each in rows[1:])]


def _head(rng: random.Random, rows: Rows, row: list[Any], column: int) -> Rows:
    rows[0][column : column + 1] = [odd.word(rng) if chance(rng, 0.6) else rows[0][0]]
    return rows


def _row(rng: random.Random, rows: Rows, row: list[Any], column: int) -> Rows:
    row[:] = rng.choice(([], row[:1], [*row, "x", "y"], rows[0], ["# a comment"], row * 2))
    return rows


def _few(rng: random.Random, rows: Rows, row: list[Any], column: int) -> Rows:
    return rows[: rng.choice((1, 2, 3, 4))]


def _first(rng: random.Random, rows: Rows, row: list[Any], column: int) -> Rows:
    return [[*each[column : column + 1], *each] for each in rows]


def _without(rng: random.Random, rows: Rows, row: list[Any], column: int) -> Rows:
    return [[*each[:column], *each[column + 1 :]] for each in rows]


def _wide(rng: random.Random, rows: Rows, row: list[Any], column: int) -> Rows:
    return [[*each, *map(str, range(1000))] for each in rows]


def _exchanged(rng: random.Random, rows: Rows, row: list[Any], column: int) -> Rows:
    rng.shuffle(row)
    return rows


def _long(rng: random.Random, rows: Rows, row: list[Any], column: int) -> Rows:
    return rows + rows[1:] * rng.choice((1, 4, 40))


CHANGES = (_cell, _cell, _cell, _cell, _cell, _column, _head, _row, _few, _first, _without, _wide, _exchanged, _long)


def table(rng: random.Random, changes: int | None = None) -> tuple[str, bytes, list[str]]:
    """The name, the bytes and the column names of a table, with so many damages."""
    rows = plain_rows(rng)
    if changes is None:
        changes = rng.choice((0, 0, 0, 0, 1, 1, 1, 2, 3))
    inside = sum(chance(rng, 0.7) for _ in range(changes))
    for _ in range(inside):
        rows = damaged_rows(rng, rows)
    name, body = _written(rng, rows)
    for _ in range(changes - inside):
        body = odd.damaged_bytes(rng, body)
    return name, body, [str(head) for head in rows[0]]


FORMS = (*("csv",) * 8, "tsv", "semicolon", "blanks", "json", "json", *("jsonl",) * 5, *("parquet",) * 3, "gz", "xlsx")


def _written(rng: random.Random, rows: Rows) -> tuple[str, bytes]:
    """Rows in one of the formats, under a name of its kind."""
    form = rng.choice(FORMS)
    if form == "parquet":
        return "runs.parquet", _parquet(rng, rows)
    if form == "json":
        return "runs.json", _json(rng, rows)
    if form == "jsonl":
        return "runs.jsonl", b"\n".join(odd.json_bytes(record, 300) for record in records(rng, rows))
    if form == "xlsx":
        return rng.choice(("runs.xlsx", "runs.csv", "runs.parquet")), b"PK\x03\x04\x14\0\6\0" + rng.randbytes(200)
    text = _delimited(rng, rows, {"tsv": "\t", "semicolon": ";", "blanks": " "}.get(form, ","))
    if form == "gz":
        return rng.choice(("runs.csv.gz", "runs.jsonl.gz", "runs.tsv.gz")), gzip.compress(text, mtime=0)
    return {"tsv": "runs.tsv", "blanks": "runs.txt"}.get(form, rng.choice(("runs.csv",) * 9 + ("runs.txt",))), text


def _delimited(rng: random.Random, rows: Rows, delimiter: str) -> bytes:
    out = io.StringIO()
    ends = rng.choice(("\n",) * 6 + ("\r\n", "\r"))
    quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=ends).writerows(rows)
    text = out.getvalue()
    if delimiter == ";" and chance(rng, 0.7):
        text = text.replace(".", ",")
    return text.encode("utf-8", "surrogateescape")


def records(rng: random.Random, rows: Rows) -> list[Any]:
    """The rows as JSON has them: numbers where cells are numbers, now and then a value that no cell can hold."""
    made: list[Any] = [
        {_text(head): _value(cell) for head, cell in zip(rows[0], row, strict=False)} for row in rows[1:]
    ]
    if chance(rng, 0.35):
        made = odd.damaged_json(rng, made) if chance(rng, 0.6) else [odd.damaged_json(rng, made[0]) for _ in made]
    return made if isinstance(made, list) and made else [made]


def _text(head: object) -> str:
    return str(head).encode("utf-8", "replace").decode()


def _value(cell: object) -> Any:
    try:
        return float(str(cell))
    except ValueError:
        return _text(cell)


def _json(rng: random.Random, rows: Rows) -> bytes:
    made = records(rng, rows)
    form = rng.randrange(4)
    if form == 0 and isinstance(made[0], dict):
        made = {head: [one.get(head) if isinstance(one, dict) else one for one in made] for head in made[0]}
    elif form == 1:
        made = {
            "columns": [_text(head) for head in rows[0]],
            "data": [[_value(cell) for cell in row] for row in rows[1:]],
        }
    elif form == 2:
        made = {rng.choice(("runs", "data", "results")): made}
    return odd.json_bytes(odd.damaged_json(rng, made) if chance(rng, 0.2) else made, 300)


def _parquet(rng: random.Random, rows: Rows) -> bytes:
    import polars as pl

    heads = {_text(head): i for i, head in enumerate(rows[0])}
    columns: dict[str, list[Any]] = {
        head: [_value(row[i]) if i < len(row) else None for row in rows[1:]] for head, i in heads.items()
    }
    columns = {
        head: values if _is_of_one_type(values) else [str(each) for each in values] for head, values in columns.items()
    }
    if columns and chance(rng, 0.3):
        head, length = rng.choice(list(columns)), len(rows) - 1
        columns[head] = [rng.choice(([[1.0]], [{"a": 1}], [b"\xff"], [None], [True], [2**62]))[0]] * length
    out = io.BytesIO()
    pl.DataFrame(columns, strict=False).write_parquet(out)
    return out.getvalue()


def _is_of_one_type(values: list[Any]) -> bool:
    return len({type(value) for value in values if value is not None}) < 2


def fitting(rng: random.Random, name: str, columns: list[str]) -> tuple[Words, ...]:
    """Commands on a table: fit, and what may follow; backtest, optimal or compare."""
    law = ("--law", rng.choice(LAWS)) if chance(rng, 0.6) else ()
    json_too: Words = ("--json",) if chance(rng, 0.4) else ()
    mapped = _columns(rng, columns) if chance(rng, 0.15) else ()
    how = rng.random()
    if how < 0.06:
        return (("fit", name, *QUICK, *law, *mapped, "--by", rng.choice(("tag", "lr", *columns[:3])), *json_too),)
    if how < 0.1:
        return (("report", name, *QUICK_DRAWS, *law, *mapped, "--out", "page.html", *json_too),)
    if how < 0.62:
        return (("fit", name, *QUICK, *law, *mapped, *json_too),)
    if how < 0.8:
        at = rng.choice(("N=7B,D=300B", "C=1e22", "N=1e9,D=2e10", "N=70B,D=1.4T,C=1e24"))
        return (
            ("fit", name, *QUICK, *law, *mapped, "--out", "fit.json"),
            ("predict", "fit.json", "--at", at, *json_too),
            ("register", "fit.json", "--at", at, "--out", "forecast.json"),
            ("register", "score", "forecast.json", "--measured", rng.choice(("2.1", "-1", "nan", "1e400"))),
        )
    if how < 0.9:
        return (("backtest", name, *QUICK_DRAWS, *law, *mapped, "--hold-out", "N > 1e8", *json_too),)
    if how < 0.95:
        return (
            (
                "compare",
                name,
                f"./{name}",
                *QUICK_DRAWS,
                "--at",
                rng.choice(("C=1e24", "N=7B,D=140B")),
                *mapped,
                *json_too,
            ),
        )
    return (("optimal", name, *QUICK_DRAWS, "--at", "C=1e23", *mapped, *json_too),)


def _columns(rng: random.Random, columns: list[str]) -> Words:
    role = rng.choice(("N", "D", "C", "loss", "run", "lr", "batch", "x", ""))
    column = rng.choice(columns) if columns and chance(rng, 0.8) else odd.word(rng)
    if chance(rng, 0.25):
        return ("--y", column)
    return ("--columns", ",".join([f"{role}={column}", *(() if chance(rng, 0.7) else (odd.word(rng),))]))


def table_input(rng: random.Random) -> Input:
    """A table, plain or damaged, and a command on it."""
    name, body, columns = table(rng)
    return Input(kind="table", commands=fitting(rng, name, columns), files={name: body})


def plain_table() -> tuple[str, bytes]:
    """The name and the bytes of a table that is read: for inputs that are odd elsewhere."""
    rng, lines = random.Random(0), ["run,N,D,loss,tag,lr"]
    for i, N in enumerate((1e7, 3e7, 1e8, 3e8)):
        lines += [f"r{i},{N},{D},{_loss(rng, N, D)},{'ab'[i % 2]},1e-3" for D in (1e9, 3e9, 1e10, 3e10)]
    return "runs.csv", "\n".join(lines).encode()


COLUMNS = ("N", "D", "C", "loss", "tag", "lr", "run", '"N"', "`N`", "n", "nosuch")
VALUES = ("1e8", "3e9", "1e18", "'a'", "'b'", "2.5", "0", "NULL", "TRUE", "1e400", "-1", "''", "'r1'", "10", "1e-3")
COMPARISONS = ("<", ">", "<=", ">=", "=", "<>", "!=", "IS", "IS NOT", "LIKE", "ILIKE", "IN", "==", "<=>", "~", "RLIKE")
FUNCTIONS = (
    *(
        "ABS",
        "LN",
        "LOG10",
        "LOG",
        "SQRT",
        "POW",
        "EXP",
        "ROUND",
        "FLOOR",
        "SIGN",
        "MOD",
        "LEAST",
        "GREATEST",
        "COALESCE",
    ),
    *(
        "NULLIF",
        "LENGTH",
        "LOWER",
        "UPPER",
        "SUBSTR",
        "CONCAT",
        "REPLACE",
        "STARTS_WITH",
        "REGEXP_LIKE",
        "STRPOS",
        "LEFT",
    ),
    *(
        "COUNT",
        "SUM",
        "MAX",
        "MIN",
        "AVG",
        "MEDIAN",
        "STDDEV",
        "FIRST",
        "LAST",
        "QUANTILE_CONT",
        "ROW_NUMBER",
        "CAST",
        "IF",
    ),
    *(
        "DATE_PART",
        "STRFTIME",
        "ARRAY_LENGTH",
        "ARRAY_CONTAINS",
        "UNNEST",
        "EXPLODE",
        "NOSUCH",
        "CONCAT_WS",
        "DATE",
        "BIT_AND",
    ),
    *(
        "ATAN2",
        "DIV",
        "CBRT",
        "TAN",
        "DEGREES",
        "OCTET_LENGTH",
        "REVERSE",
        "LTRIM",
        "INITCAP",
        "REPEAT",
        "CHR",
        "SPLIT_PART",
    ),
)


SIGNS = ("+", "-", "*", "/", "%", "||", "^", "&", "//")


def _term(rng: random.Random, depth: int = 0) -> str:
    how = rng.random()
    if how < 0.5 or depth > 2:
        return rng.choice(COLUMNS if chance(rng, 0.6) else VALUES)
    if how < 0.8:
        return f"{rng.choice(FUNCTIONS)}({', '.join(_term(rng, depth + 1) for _ in range(rng.randrange(4)))})"
    if how < 0.92:
        return f"({_term(rng, depth + 1)} {rng.choice(SIGNS)} {_term(rng, depth + 1)})"
    return rng.choice(
        (
            "CAST(N AS INT)",
            "N::text",
            "CASE WHEN N > 1 THEN 1 END",
            "INTERVAL '1 day'",
            "DATE '2020-01-01'",
            "-N",
            "*",
            "[1]",
        )
    )


def condition(rng: random.Random) -> str:
    """A condition in SQL: one that holds, one made of odd terms, or one that is none."""
    how = rng.random()
    if how < 0.4:
        parts = [
            f"{rng.choice(COLUMNS[:3])} {rng.choice('<>')} {rng.choice(VALUES[:3])}"
            for _ in range(rng.choice((1, 1, 2, 3)))
        ]
        return rng.choice((" AND ", " OR ", " and not ")).join(["loss > 1", *parts])
    if how < 0.75:
        return f"{_term(rng)} {rng.choice(COMPARISONS)} {_term(rng)}"
    if how < 0.85:
        return _term(rng)
    if how < 0.95:
        return odd.damaged_word(rng, rng.choice(STATEMENTS))
    return rng.choice(LONG)


STATEMENTS = (
    *(
        "N > 1",
        "N BETWEEN 1e7 AND 1e8",
        "tag IN ('a', 'b')",
        "tag LIKE 'a%'",
        "N IN (SELECT N FROM self)",
        "1",
        "TRUE",
        "NULL",
    ),
    *(
        "N > 1; DROP TABLE runs",
        "N > 1 -- rest",
        "N > 1 ORDER BY N",
        "N > 1 GROUP BY tag",
        "N > 1 LIMIT 2",
        "EXISTS (SELECT 1)",
    ),
    *(
        "N > ALL (SELECT 1)",
        "self.N > 1",
        "frame.N > 1",
        "N > 1 UNION SELECT * FROM self",
        "N OVER () > 1",
        "SUM(N) OVER () > 1",
    ),
    *(
        "tag = 'a",
        'tag = "a"',
        "N = '1e7'",
        "N > 1 AND",
        "NOT N > 1",
        "(N > 1",
        "tag > 1",
        "tag + 1 > 2",
        "loss = 'nan'",
        "N",
    ),
    *(
        "tag SIMILAR TO 'a'",
        "tag REGEXP '('",
        "regexp_like(tag, '(')",
        "tag ~ '*'",
        "starts_with(N, 1)",
        "N[0] > 1",
        "N.x = 1",
    ),
)
LONG = (
    *(
        "N > 1" + " AND N > 1" * 400,
        "N > 1" + " OR N = 2" * 12000,
        "(" * 200 + "N > 1" + ")" * 200,
        "NOT " * 5000 + "N > 1",
    ),
    *(
        "-" * 4001 + "N < 1",
        "N > " + "9" * 5000,
        "N IN (" + ", ".join(map(str, range(5000))) + ")",
        "N" + " + N" * 3000 + " > 1",
    ),
    *(
        "tag = '" + "a" * 100000 + "'",
        "ABS(" * 3000 + "N" + ")" * 3000 + " > 1",
        "CASE WHEN N > 1 THEN " * 500 + "1" + " END" * 500,
    ),
)


def condition_input(rng: random.Random) -> Input:
    """A plain table under an odd condition."""
    name, body = plain_table()
    text = condition(rng)
    if chance(rng, 0.75):
        words: Words = ("fit", name, "--law", "power", *QUICK, "--where", text)
    elif chance(rng, 0.5):
        words = ("backtest", name, "--law", "power", *QUICK_DRAWS, "--hold-out", text)
    else:
        words = ("optimal", name, *QUICK_DRAWS, "--at", "C=1e22", "--where", text)
    return Input(kind="condition", commands=(words,), files={name: body})
