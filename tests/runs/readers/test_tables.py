"""Tables as people have them: read as a person would read them, saying what is not plain, or refused in a line."""

import bz2
import gzip
import json
import lzma
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from froude.errors import InputError
from froude.runs import read_runs

N, D, LOSS = [5e6, 1.5e7, 5e7], [1e8, 4e8, 8e8], [4.9102, 4.1749, 3.786]
"""The runs that most of the tables hold."""


@dataclass(frozen=True)
class Case:
    """A file, the arrays that are in it by column, and words of the notes and warnings, or of the refusal."""

    file: str
    body: str | bytes
    holds: dict[str, list[Any]] = field(default_factory=lambda: {"N": N, "D": D, "loss": LOSS})
    says: tuple[str, ...] = ()
    refused: str = ""
    columns: dict[str, str] | None = None
    where: str | None = None


def table(separator: str = ",", *, names: str = "params,tokens,loss", below: tuple[str, ...] = ()) -> str:
    below = below or ("5000000,100000000,4.9102", "15000000,400000000,4.1749", "50000000,800000000,3.7860")
    return "\n".join((names, *below)).replace(",", separator) + "\n"


def rows(*lines: str) -> str:
    return "\n".join(lines) + "\n"


PLAIN = table()
GERMAN = rows(
    "Modell;Parameter;Tokens;Loss",
    "k1;5000000;100000000;4,9102",
    "k2;15000000;400000000;4,1749",
    "k3;50000000;800000000;3,7860",
)
RECORDS = [{"params": n, "tokens": d, "loss": y} for n, d, y in zip(N, D, LOSS, strict=True)]
COLUMNS = {"params": N, "tokens": D, "loss": LOSS}

CASES = {
    # Bytes and characters
    "a byte-order mark": Case("r.csv", PLAIN.encode("utf-8-sig")),
    "UTF-16 with a mark": Case("r.csv", PLAIN.encode("utf-16")),
    "UTF-16 of Excel's tabs": Case("r.txt", table("\t").encode("utf-16")),
    "UTF-16 without a mark": Case("r.csv", PLAIN.encode("utf-16-le"), says=("UTF-16-LE",)),
    "UTF-16, the other end first": Case("r.csv", PLAIN.encode("utf-16-be"), says=("UTF-16-BE",)),
    "UTF-32": Case("r.csv", PLAIN.encode("utf-32")),
    "Windows-1252": Case(
        "r.csv", ("größe," + PLAIN.replace("\n", "\n1,", 3)).encode("cp1252"), says=("Windows-1252", "größe")
    ),
    "line ends of old Macs": Case("r.csv", PLAIN.replace("\n", "\r")),
    "line ends of Windows": Case("r.csv", PLAIN.replace("\n", "\r\n")),
    "no line end at the end": Case("r.csv", PLAIN.rstrip()),
    "gzip": Case("r.csv.gz", gzip.compress(PLAIN.encode())),
    "gzip without its ending": Case("r.csv", gzip.compress(PLAIN.encode())),
    "bzip2": Case("r.TSV.bz2", bz2.compress(table("\t").encode())),
    "xz of JSON lines": Case("r.jsonl.xz", lzma.compress("\n".join(map(json.dumps, RECORDS)).encode())),
    "gzip cut short": Case("r.csv.gz", gzip.compress(PLAIN.encode())[:40], refused="cannot be unpacked"),
    "a workbook": Case("r.xlsx", b"PK\x03\x04", refused="is a workbook: save the sheet as CSV"),
    "a workbook called CSV": Case("r.csv", b"PK\x03\x04 ...", refused="Excel workbook"),
    "Parquet called CSV": Case("r.csv", b"PAR1....", refused="ends in .parquet"),
    "a page called CSV": Case("r.csv", "<!DOCTYPE html><html>", refused="is an HTML page"),
    "bytes that are no text": Case("r.csv", b"N,loss\n1,\x01\x02\n", refused="is no text (character 0x01 in line 2)"),
    # Separators and lines
    "semicolons": Case("r.csv", table(";")),
    "tabs in a .csv": Case("r.csv", table("\t")),
    "commas in a .tsv": Case("r.tsv", PLAIN),
    "bars": Case("r.csv", table("|")),
    "blanks": Case("r.txt", table(" ")),
    "columns aligned by blanks": Case("r.txt", "".join(f"  {line.replace(',', '    ')}\n" for line in PLAIN.split())),
    "names with blanks, aligned": Case("r.txt", table("   ", names="model params,tokens,val loss")),
    "Markdown": Case(
        "r.txt",
        "| params | tokens | loss |\n|---|:--|---|\n"
        + "\n".join(f"| {r.replace(',', ' | ')} |" for r in PLAIN.split()[1:]),
    ),
    "blanks after commas": Case("r.csv", PLAIN.replace(",", ", ")),
    "Excel's sep=": Case("r.csv", "sep=;\n" + table(";")),
    "a comma at the end of every row": Case("r.csv", PLAIN.replace("\n", ",\n")),
    "a comma at the end of every row but the names": Case("r.csv", PLAIN.replace("\n", ",\n").replace(",\n", "\n", 1)),
    "quotes around all": Case("r.csv", "".join('"' + line.replace(",", '","') + '"\n' for line in PLAIN.split())),
    "a comma in quotes": Case(
        "r.csv", rows("name,params,tokens,loss", '"a, b",5e6,1e8,4.9102', "c,1.5e7,4e8,4.1749", "d,5e7,8e8,3.786")
    ),
    "a line end in quotes": Case(
        "r.csv", rows("name,params,tokens,loss", '"a', 'b",5e6,1e8,4.9102', "c,1.5e7,4e8,4.1749", "d,5e7,8e8,3.786")
    ),
    "a quote that is not closed": Case("r.csv", PLAIN.replace("4.1749", '"4.1749'), refused='a quote (") in line 3'),
    "a comment above": Case("r.csv", "# exported 2025\n" + PLAIN, says=("line 1 ('exported 2025')",)),
    "comments of other kinds": Case("r.csv", "// a, b\n% c\n\n" + PLAIN, says=("line 1 ('a b')", "line 2 ('c')")),
    "a comment among rows": Case("r.csv", PLAIN + "# end\n", says=("line 5 ('end')",)),
    "a title above": Case("r.csv", "My sweep\n\n" + PLAIN, says=("line 1 ('My sweep')",)),
    "a title of two words above blanks": Case("r.txt", "My sweep\n" + table(" "), says=("line 1 ('My sweep')",)),
    "names behind a comment sign": Case("r.txt", "# params tokens loss\n" + "\n".join(table(" ").split("\n")[1:])),
    "blank lines": Case("r.csv", PLAIN.replace("\n", "\n\n") + ",,\n\n"),
    "names that come again": Case("r.csv", PLAIN + PLAIN.split("\n")[0] + "\n", says=("line 5 repeats the names",)),
    "units below the names": Case(
        "r.csv",
        "params,tokens,loss\nM,B,nats\n5,0.1,4.9102\n15,.4,4.1749\n50,.8,3.786\n",
        says=("line 2 holds the units", "times 1e6", "times 1e9"),
    ),
    "a line of sums": Case(
        "r.csv",
        "name,params,tokens,loss\n" + "\n".join("x," + r for r in PLAIN.split()[1:]) + "\nTotal,7e7,13e8,\n",
        says=("line 5 ('Total') is a summary",),
    ),
    "a remark below": Case("r.csv", PLAIN + "(3 rows)\n", says=("line 5 ('(3 rows)') is a remark",)),
    "a row too long": Case("r.csv", PLAIN + "1,2,3,4\n", refused="has 4 values in line 5 for 3 names in line 1"),
    "a row too short": Case(
        "r.csv", PLAIN.replace(",400000000", ""), refused="has 2 values in line 3 for 3 names in line 1"
    ),
    "a last line cut short": Case("r.csv", PLAIN + "9e7,1e", says=("line 5, the last, is cut short",)),
    "no names": Case("r.csv", "\n".join(PLAIN.split("\n")[1:]), refused="has numbers in line 1, where the names"),
    "names alone": Case("r.csv", "params,tokens,loss\n", refused="holds no runs"),
    "an index of pandas": Case("r.csv", "," + PLAIN.replace("\n", "\n0,", 3)),
    "row names of R": Case(
        "r.txt", table(" ", below=('"1",5e6,1e8,4.9102', '"2",1.5e7,4e8,4.1749', '"3",5e7,8e8,3.786'))
    ),
    # Numbers
    "decimal commas": Case(
        "r.csv", GERMAN, says=("decimal commas: '4,9102' in 'Loss' is 4.9102",), columns={"N": "Parameter"}
    ),
    "decimal commas in quotes": Case(
        "r.csv",
        rows("params,tokens,loss", '5000000,1e8,"4,9102"', '15000000,4e8,"4,1749"', '50000000,8e8,"3,786"'),
        says=("4,9102",),
    ),
    "decimal commas with powers": Case(
        "r.tsv",
        rows("N\tD\tloss", "5,0e6\t1e8\t4,9102", "1,5e7\t4e8\t4,1749", "5e7\t8e8\t3,786"),
        says=("decimal commas",),
    ),
    "points between thousands": Case(
        "r.csv",
        rows(
            "N;D;loss", "5.000.000;100.000.000;4,9102", "15.000.000;400.000.000;4,1749", "50.000.000;800.000.000;3,786"
        ),
        says=("grouped digits: '5.000.000' in 'N' is 5000000", "decimal commas"),
    ),
    "commas between thousands": Case(
        "r.csv",
        rows(
            "N,D,loss",
            '"5,000,000","100,000,000",4.9102',
            '"15,000,000","400,000,000",4.1749',
            '"50,000,000","800,000,000",3.786',
        ),
        says=("grouped digits: '5,000,000' in 'N' is 5000000",),
    ),
    "blanks between thousands": Case(
        "r.csv",
        rows("N,D,loss", "5 000 000,1e8,4.9102", "15 000 000,4e8,4.1749", "50 000 000,8e8,3.786"),
        says=("grouped digits",),
    ),
    "no-break blanks and apostrophes": Case(
        "r.csv",
        rows(
            "N,D,loss",
            "5\u00a0000\u00a0000,100'000'000,4.9102",
            "15\u202f000\u202f000,400'000'000,4.1749",
            "50 000 000,8e8,3.786",
        ),
        says=("grouped digits",),
    ),
    "underscores between thousands": Case(
        "r.csv", rows("N,D,loss", "5_000_000,1e8,4.9102", "15_000_000,4e8,4.1749", "5e7,8e8,3.786")
    ),
    "a comma and three digits": Case(
        "r.tsv",
        rows("N\tD\tloss", "1,234e6\t2,000e8\t5.101", "3,456e6\t4,000e8\t4.702"),
        refused="column 'N', row 1: '1,234e6' may be 1.234e6 or 1234e6",
    ),
    "a comma and three digits, nothing else": Case(
        "r.csv", rows("N;loss", "1,234;4,910", "2,345;4,175"), refused="'1,234' may be 1.234 or 1234"
    ),
    "a point and three digits beside decimal commas": Case(
        "r.csv", rows("N;loss", "1.234;4,91", "2.345;4,17"), refused="column 'N', row 1: '1.234' may be 1.234 or 1234"
    ),
    "commas and points in one column": Case(
        "r.csv", rows("N;loss", "1e6;4,91", "2e6;4.17"), refused="column 'loss', row 1: '4,91'"
    ),
    "suffixes": Case("r.csv", rows("N,D,loss", "5M,100M tokens,4.9102", "15M params,0.4B,4.1749", "50M,8e8,3.786")),
    "a suffix that is lacking": Case(
        "r.csv",
        rows("N,loss", "7B,2.5", "13,2.3"),
        {"N": [7e9, 13]},
        says=("'13' has no unit", "N = 13 in 1 of 2 runs"),
    ),
    "names that look like numbers": Case("r.csv", rows("id,N", "007,1e6", "12e4,2e6"), {"id": ["007", "12e4"]}),
    "numbers that are names": Case("r.csv", rows("id,N", "7,1e6", "12,2e6"), {"id": [7, 12]}),
    "a name on two lines": Case("r.csv", '"model\nparams",loss\n1e6,3\n2e6,2\n', {"N": [1e6, 2e6]}),
    "suffixes with decimal commas": Case(
        "r.csv",
        rows("N;D;loss", "5M;0,1B;4,9102", "15M;0,4B;4,1749", "50M;0,8B;3,786"),
        says=("decimal commas: '0,1B' in 'D' is 0.1 B",),
    ),
    "powers with a cross": Case(
        "r.csv", rows("N,D,loss", "5 × 10⁶,1x10^8,4.9102", "1.5·10^7,4*10**8,4.1749", "5e7,8E+08,3.786")
    ),
    "a minus sign of typographers": Case("r.csv", rows("N,x", "1e6,−4.5", "2e6,3"), {"x": [-4.5, 3]}),
    "percent": Case(
        "r.csv",
        rows("N,acc", "1e6,21.3%", "2e6,45 %"),
        {"acc": [0.213, 0.45]},
        says=("percent: '21.3%' in 'acc' is 0.213",),
    ),
    "currency": Case("r.csv", rows("N,cost", '1e6,"$1,234.50"', "2e6,$2"), {"cost": [1234.5, 2]}, says=("currency",)),
    "NaN and infinities": Case(
        "r.csv",
        rows("N,loss", "1e6,NaN", "2e6,-Infinity", "3e6,inf", "4e6,1.#QNAN", "5e6,3.5"),
        {"loss": [np.nan, -np.inf, np.inf, np.nan, 3.5]},
    ),
    "words for nothing": Case(
        "r.csv", rows("N,loss", "1e6,NA", "2e6,n/a", "3e6,-", "4e6,null", "5e6,3.5"), {"loss": [np.nan] * 4 + [3.5]}
    ),
    "words for what happened": Case(
        "r.csv",
        rows("N,loss", "1e6,diverged", "2e6,OOM", "5e6,3.5"),
        {"loss": [np.nan, np.nan, 3.5]},
        says=("'diverged', 'OOM'",),
    ),
    "a number beyond floats": Case("r.csv", rows("N,loss", "1e999,3.5", "2e6,3"), refused="column 'N', row 1: '1e999'"),
    "a mean with its spread": Case(
        "r.csv", rows("N,loss", "1e6,3.5 ± 0.1", "2e6,3.1 ± 0.1"), refused="(give the mean alone)"
    ),
    # Units and prefixes in names
    "units in brackets": Case(
        "r.csv",
        rows("Params (M),Tokens [B],Val loss", "5,0.1,4.9102", "15,0.4,4.1749", "50,0.8,3.786"),
        says=("N is the column 'Params (M)' times 1e6", "times 1e9"),
    ),
    "units in words": Case(
        "r.csv",
        rows("params_millions,tokens_B,loss (nats)", "5,0.1,4.9102", "15,0.4,4.1749", "50,0.8,3.786"),
        says=("times 1e6",),
    ),
    "units after a comma": Case(
        "r.csv",
        rows('"N, millions","D (tokens, bn)",loss', "5,0.1,4.9102", "15,0.4,4.1749", "50,0.8,3.786"),
        says=("times 1e9",),
    ),
    "units as powers": Case(
        "r.csv", rows("N / 1e6,D (×10⁹),loss", "5,0.1,4.9102", "15,0.4,4.1749", "50,0.8,3.786"), says=("times 1e6",)
    ),
    "units mapped by hand": Case(
        "r.csv",
        rows("Size (M),Seen (B),loss", "5,0.1,4.9102", "15,0.4,4.1749", "50,0.8,3.786"),
        columns={"N": "Size (M)", "D": "Seen (B)"},
        says=("times 1e6", "times 1e9"),
    ),
    "FLOPs in 1e18": Case(
        "r.csv", rows("FLOPs (1e18),loss", "3,3.5", "10,3.2"), {"C": [3e18, 1e19]}, says=("times 1e18",)
    ),
    "petaflop/s-days": Case(
        "r.csv", rows("Compute (PF-days),loss", "1,3.5", "10,3.2"), {"C": [8.64e19, 8.64e20]}, says=("times 8.64e19",)
    ),
    "a unit inside the name": Case(
        "r.csv", rows("total_gflops,loss", "3e8,3.5", "1e9,3.2"), {"C": [3e17, 1e18]}, says=("times 1e9",)
    ),
    "a unit in the name and in a cell": Case(
        "r.csv", rows("Params (M),loss", "5M,3.5", "10,3.2"), {"N": [5e6, 1e7]}, says=("times 1e6",)
    ),
    "a rate is no count": Case(
        "r.csv", rows("tflops,compute (GFLOP/s),N,loss", "3,4,1e6,3.5", "10,5,2e6,3.2"), {"N": [1e6, 2e6]}
    ),
    "MLflow": Case(
        "r.csv",
        rows("metrics.val_loss,params.n_params,params.tokens", "4.9102,5e6,1e8", "4.1749,1.5e7,4e8", "3.786,5e7,8e8"),
    ),
    "Weights & Biases": Case(
        "r.csv",
        rows(
            "config/model/n_params,config.tokens,summary/val/loss",
            "5e6,1e8,4.9102",
            "1.5e7,4e8,4.1749",
            "5e7,8e8,3.786",
        ),
    ),
    "Hugging Face": Case(
        "r.csv",
        rows(
            "num_parameters,num_input_tokens_seen,total_flos,loss,eval_loss",
            "5e6,1e8,3e15,4.1,4.9102",
            "1.5e7,4e8,3.6e16,3.4,4.1749",
            "5e7,8e8,2.4e17,2.9,3.786",
        ),
        says=("loss is the held-out loss 'eval_loss'; 'loss' (of training", "--columns loss=loss"),
    ),
    # Columns that compete
    "a training loss alone": Case(
        "r.csv",
        rows("N,train/loss", "1e6,3.5", "2e6,3.2"),
        {"loss": [3.5, 3.2]},
        says=("loss is the training loss 'train/loss', and no held-out loss is there",),
    ),
    "validation before test": Case(
        "r.csv",
        rows("N,test_loss,val_loss", "1e6,3.6,3.5", "2e6,3.3,3.2"),
        {"loss": [3.5, 3.2]},
        says=("'test_loss' (held-out) is there too",),
    ),
    "a held-out loss without values": Case(
        "r.csv", rows("N,loss,eval_loss", "1e6,3.5,", "2e6,3.2,"), {"loss": [3.5, 3.2]}, says=()
    ),
    "two columns of one name": Case(
        "r.csv", rows("N,loss,loss", "1e6,3.5,3.6", "2e6,3.2,3.3"), refused="'loss (1)' or 'loss (2)' may be loss"
    ),
    "two columns of one name, the same": Case(
        "r.csv",
        rows("N,loss,loss", "1e6,3.5,3.5", "2e6,3.2,3.2"),
        {"loss": [3.5, 3.2]},
        says=("2 columns are called 'loss'",),
    ),
    "two other columns of one name": Case(
        "r.csv",
        rows("N,loss,note,note", "1e6,3.5,a,b", "2e6,3.2,c,d"),
        {"note (2)": ["b", "d"]},
        says=("2 columns are called 'note'",),
    ),
    "a rounded count beside the count": Case(
        "r.csv", rows("params_M,params,loss", "4.6,4600640,3.5", "11.6,11622272,3.2"), {"N": [4600640, 11622272]}
    ),
    "two counts of tokens": Case(
        "r.csv",
        rows("N,D,total_tokens,loss", "1e6,1e8,2e8,3.5", "2e6,2e8,4e8,3"),
        {"D": [1e8, 2e8]},
        says=("'total_tokens' (2 times as much)",),
    ),
    "FLOPs beside 6ND": Case(
        "r.csv",
        rows("N,D,achieved_flops,loss", "1e6,1e8,2.4e15,3.5", "2e6,2e8,9.6e15,3"),
        {"C": [6e14, 2.4e15]},
        says=(
            "'achieved_flops' counts FLOPs too, 4 times 6·N·D (2.4e+15 against 6e+14 in row 1)",
            "--columns C=achieved_flops",
        ),
    ),
    # What can hardly be
    "five parameters": Case(
        "r.csv",
        rows("params,loss", "5,3.5", "15,3.2"),
        {"N": [5, 15]},
        says=("N = 5 to 15 in 2 of 2 runs: no training has so few parameters",),
    ),
    "three FLOPs": Case(
        "r.csv", rows("C,loss", "3,3.5", "10,3.2"), {"C": [3, 10]}, says=("no training has so few training FLOPs",)
    ),
    "a hundred tokens": Case(
        "r.csv", rows("tokens,loss", "100,3.5", "1e9,3.2"), {"D": [100, 1e9]}, says=("D = 100 in 1 of 2 runs",)
    ),
    "units applied twice": Case(
        "r.csv",
        rows("Params (B),loss", "7e9,3.5", "13e9,3.2"),
        {"N": [7e18, 13e18]},
        says=("no training has so many parameters",),
    ),
    "a negative loss": Case(
        "r.csv",
        rows("N,loss", "1e6,-3.5", "2e6,-3.2"),
        {"loss": [-3.5, -3.2]},
        says=("loss is negative in 2 of 2 runs",),
    ),
    "units that do not fit together": Case(
        "r.csv",
        rows("N,D,C,loss", "1e6,1e8,6e5,3.5", "2e6,2e8,24e5,3"),
        {"C": [6e5, 24e5]},
        says=("C is 1e-09 times 6·N·D: check the units",),
    ),
    # Conditions come before checks
    "a row that cannot be, left out": Case("r.csv", PLAIN + "many,1e9,3\n", where="loss > 3.5"),
    "a row that cannot be, kept": Case(
        "r.csv", PLAIN + "many,1e9,3\n", refused="row 4: 'many' is not a number of parameters"
    ),
    "an outcome that becomes numbers": Case(
        "r.csv", rows("N,acc", "1e6,0.5", "2e6,0.6", "3e6,lost"), {"acc": [0.5, 0.6]}, where="N < 3e6"
    ),
    # JSON
    "JSON records": Case("r.json", json.dumps(RECORDS)),
    "JSON of columns": Case("r.json", json.dumps(COLUMNS)),
    "pandas' JSON of columns": Case(
        "r.json", json.dumps({k: {str(i): x for i, x in enumerate(v)} for k, v in COLUMNS.items()})
    ),
    "pandas' JSON by index": Case("r.json", json.dumps({f"run{i}": row for i, row in enumerate(RECORDS)})),
    "pandas' JSON split": Case(
        "r.json", json.dumps({"columns": [*COLUMNS], "index": [0, 1, 2], "data": [[*row.values()] for row in RECORDS]})
    ),
    "JSON with rows inside": Case("r.json", json.dumps({"project": "x", "runs": RECORDS})),
    "JSON nested": Case(
        "r.json",
        json.dumps(
            [
                {"config": {"n_params": r["params"], "tokens": r["tokens"]}, "summary": {"val": {"loss": r["loss"]}}}
                for r in RECORDS
            ]
        ),
    ),
    "JSON lines called JSON": Case("r.json", "\n".join(map(json.dumps, RECORDS))),
    "JSON called JSON lines": Case("r.jsonl", json.dumps(RECORDS, indent=1)),
    "JSON with a key twice": Case("r.json", '[{"N": 1e6, "loss": 3, "loss": 4}]', refused="the key 'loss' twice"),
    "JSON cut short": Case("r.json", json.dumps(RECORDS)[:-9], refused="is no JSON (line 1"),
    "JSON of columns of two lengths": Case(
        "r.json", '{"N": [1e6, 2e6], "loss": [3]}', refused="columns of different lengths"
    ),
    "an integer beyond floats": Case(
        "r.jsonl", json.dumps({"N": 1e6, "x": 10**400}), refused="in line 1, x is an integer of 401 digits"
    ),
    "a size beyond all runs": Case(
        "r.csv",
        table(below=("5e6,1e8,4.9", "1e300,4e8,4.1")),
        refused="row 2: 1e+300, must be a number from 1e-30 to 1e+60",
    ),
    "a loss beyond all runs": Case(
        "r.csv",
        table(below=("5e6,1e8,-1e300", "1e7,4e8,4.1")),
        refused="row 1: -1e+300, must be a number from -1e+60 to",
    ),
    "a size beyond all runs, left out": Case(
        "r.csv", table(below=("5e6,1e8,4.9102", "1e300,4e8,4.1")), {"N": [5e6]}, where="N < 1e9"
    ),
    "an integer of 5000 digits": Case(
        "r.json", f'[{{"N": {"9" * 5000}}}]', refused="an integer of thousands of digits"
    ),
    "half a character in JSON": Case(
        "r.json", '[{"N": 1, "t": "\\ud800"}]', refused="in row 1, t is '\\ud800', which is half"
    ),
    "half a character in a name": Case("r.json", '[{"N": 1, "\\ud800": 2}]', refused="in row 1, '\\ud800' is"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_table_is_read_as_people_mean_it_or_refused_in_a_line(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    path = tmp_path / case.file
    path.write_bytes(case.body if isinstance(case.body, bytes) else case.body.encode())
    if case.refused:
        with pytest.raises(InputError) as caught:
            read_runs(path, case.columns, case.where)
        assert case.refused in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
        return
    runs = read_runs(path, case.columns, case.where)
    for column, values in case.holds.items():
        if isinstance(values[0], str):
            assert runs[column].tolist() == values
        else:
            np.testing.assert_allclose(runs[column], values, rtol=1e-12)
    told = (*runs.notes, *runs.warnings)
    assert all(any(words in sentence for sentence in told) for words in case.says), told
    assert bool(told) == bool(case.says), told


@pytest.mark.parametrize("seed", range(3))
def test_a_table_damaged_anywhere_is_read_or_refused_in_a_line(tmp_path: Path, seed: int) -> None:
    chance, path = random.Random(seed), tmp_path / "r.csv"
    bodies = [case.body.encode() if isinstance(case.body, str) else case.body for case in CASES.values()]
    for _ in range(150):
        body = bytearray(chance.choice(bodies))
        for _ in range(chance.choice((1, 2, 5))):
            place = chance.randrange(len(body) + 1)
            body[place : place + chance.choice((0, 1, 4))] = bytes(
                chance.choices(b',;.|"\n#%eM_-0 \x00\xe4', k=chance.choice((0, 1, 3)))
            )
        path.write_bytes(body)
        assert len(refusal_of(path).splitlines()) <= 1, body


def refusal_of(path: Path) -> str:
    """What is said of a table that is refused, "" of one that is read."""
    try:
        read_runs(path)
    except InputError as error:
        return str(error)
    return ""
