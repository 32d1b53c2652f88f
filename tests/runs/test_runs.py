import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from froude.errors import InputError
from froude.runs import ROLES, Runs, get_published, read_runs
from froude.runs.optional_roles import with_optional_roles

Published = Callable[[str], Path]

TABLE = {
    "name": ["a", "b", "c", "d"],
    "N": [1e6, 2e6, 4e6, 8e6],
    "D": [1e8, 2e8, 4e8, 8e8],
    "loss": [4.0, 3.5, float("nan"), 3.0],
    "my tag": ["seed", "", "seed", "late"],
}


@pytest.fixture
def runs() -> Runs:
    return Runs.from_columns(TABLE)


def write_csv(folder: Path, text: str, name: str = "runs.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def refusal(source: Any, columns: dict[str, str] | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read_runs(source, columns)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


# Published tables, and the same shapes made up


def test_the_chinchilla_table_is_read_whole(published: Published) -> None:
    runs = read_runs(published("chinchilla_epoch/chinchilla_fig4.csv"))
    assert len(runs) == 245
    assert runs.columns == ("N", "D", "C", "loss")
    assert runs.derived == ()
    np.testing.assert_allclose(runs["C"], 6 * runs["N"] * runs["D"], rtol=1e-9)


def test_compute_is_derived_for_the_data_constrained_runs(published: Published) -> None:
    runs = read_runs(str(published("datablations/runs.csv")))
    assert len(runs) == 316
    assert runs.derived == ("C = 6·N·D",)
    assert runs.row_name(0) == "row 1 (2b84b4b)"
    assert len(runs.where("used_in_plain_fit")) == 229
    assert runs.where("epochs > 1000").row_name(0).startswith("row ")


def test_the_overtrained_models_keep_both_ways_to_count_parameters(published: Published) -> None:
    path = published("overtraining_mlfoundations/models_loss_and_downstream.csv")
    runs = read_runs(path)
    assert np.all(runs["N"] > runs["N_no_embed"])
    mapped = read_runs(path, {"N": "N_no_embed", "loss": "loss_c4_val"})
    np.testing.assert_array_equal(mapped["N"], runs["N_no_embed"])
    np.testing.assert_array_equal(mapped["N (as read)"], runs["N"])
    assert any("N_no_embed is read as N" in note for note in mapped.notes)


def test_an_exact_name_wins_and_the_other_column_keeps_its_own() -> None:
    runs = Runs.from_columns({"N_no_embed": [1, 2], "N": [3, 4]})
    assert runs["N"].tolist() == [3, 4]
    assert runs["N_no_embed"].tolist() == [1, 2]


# Roles


@pytest.mark.parametrize("role", ROLES)
def test_every_synonym_of_a_role_is_found_whatever_its_case(role: str) -> None:
    for synonym in ROLES[role].synonyms:
        for name in (synonym, synonym.upper(), synonym.replace("_", "/"), synonym.replace("_", " ").title()):
            assert with_optional_roles(Runs.from_columns({name: [1.5]}), [role])[role].tolist() == [1.5]


def test_no_name_is_a_synonym_of_two_roles() -> None:
    synonyms = [s for role in ROLES.values() for s in role.synonyms]
    assert len(synonyms) == len(set(synonyms))


def test_a_depth_d_and_a_count_n_are_no_roles() -> None:
    assert Runs.from_columns({"n": [1], "d": ["deep"], "c": [True]}).columns == ("n", "d", "c")


def test_two_synonyms_of_one_role_need_a_choice() -> None:
    frame = pl.DataFrame({"params": [1], "n_params": [2]})
    assert "--columns N=params" in refusal(frame)
    assert read_runs(frame, {"N": "n_params"})["N"].tolist() == [2]


def test_a_mapping_to_no_column_suggests_the_nearest() -> None:
    assert "did you mean 'params'?" in refusal(pl.DataFrame({"params": [1], "x": [2]}), {"N": "parms"})


def test_a_mapping_from_no_role_lists_the_roles() -> None:
    assert "roles are N, D, C, loss" in refusal(pl.DataFrame({"params": [1]}), {"n": "params"})


def test_one_column_is_not_two_roles() -> None:
    assert "mapped to two roles" in refusal(pl.DataFrame({"x": [1]}), {"N": "x", "D": "x"})


def test_a_renamed_column_is_named_by_its_role() -> None:
    runs = Runs.from_columns({"params": [1.0]})
    with pytest.raises(InputError, match="'params' is read as N: write N"):
        runs["params"]
    with pytest.raises(InputError, match="is read as N: write N"):
        runs.where("params > 1")


# Roles that few laws ask for


def test_a_rare_role_leaves_a_table_alone_until_it_is_asked_for() -> None:
    table = {"P": ["py", "js"], "steps": [10, 20], "lr": ["high", "low"], "batch_tokens": [5, 6]}
    runs = Runs.from_columns(table)
    assert (runs.columns, runs.derived, runs.notes) == (("P", "steps", "lr", "batch_tokens"), (), ())
    asked = with_optional_roles(runs, ["S", "B"])
    assert (asked["S"].tolist(), asked["B"].tolist(), asked["steps"].tolist()) == ([10, 20], [5, 6], [10, 20])
    assert asked.derived == ("S is the column 'steps'", "B is the column 'batch_tokens'")
    assert with_optional_roles(asked, ["S", "B"]).derived == asked.derived
    assert "U" not in with_optional_roles(runs, ["U"])


@pytest.mark.parametrize(
    ("role", "table", "values", "sentence"),
    [
        ("M", {"N": [1e6, 2e6], "D": [2e7, 8e7]}, [20, 40], "M = D/N"),
        (
            "M",
            {"N": [1e6, 2e6], "D": [2e7, 8e7], "tok/param": [19, 38], "D/N": [21, 41]},
            [21, 41],
            "M is the column 'D/N'",
        ),
        ("S", {"D": [2e7, 8e7], "batch_tokens": [1e5, 2e5]}, [200, 400], "S = D/B"),
        ("B", {"D": [2e7, 8e7], "steps": [200, 400]}, [1e5, 2e5], "B = D/S"),
        ("L", {"loss": [3.0, 2.5]}, [3.0, 2.5], "L = loss"),
    ],
)
def test_an_input_that_is_asked_for_follows_from_what_is_there(
    role: str, table: dict[str, list], values: list[float], sentence: str
) -> None:
    runs = with_optional_roles(Runs.from_columns(table), [role])
    assert runs[role].tolist() == values
    assert runs.derived[-1] == sentence


def test_a_step_count_and_a_batch_size_are_no_tokens_by_themselves() -> None:
    assert with_optional_roles(Runs.from_columns({"steps": [1, 2], "batch_size": [3, 4]}), ["B"]).derived == ()


def test_rare_roles_are_mapped_by_hand() -> None:
    frame = pl.DataFrame({"unique": ["4B", "8B"], "iters": [1, 2], "S": ["a", "b"], "N": [1.0, 2]})
    runs = with_optional_roles(read_runs(frame, {"U": "unique", "S": "iters"}), ["U", "S"])
    assert (runs["U"].tolist(), runs["S"].tolist()) == ([4e9, 8e9], [1, 2])
    assert runs["S (as read)"].tolist() == ["a", "b"]


def test_an_input_that_is_asked_for_and_cannot_be_had_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"'steps' or 'n_steps' may be S \(optimizer steps\): choose with --columns S=s"
    ):
        with_optional_roles(Runs.from_columns({"steps": [1], "n_steps": [2]}), ["S"])
    words = Runs.from_columns({"P": ["1", "2", "many"], "N": [1, 2, 3]}).where("N > 1")
    with pytest.raises(InputError, match="column 'P', row 3: 'many' is not a number of parallel streams"):
        with_optional_roles(words, ["P"])
    wrong = Runs.from_columns({"N": [1e6, 1e6], "D": [2e7, 2e7], "M": [12.0, 4e8]})
    with pytest.raises(InputError, match=r"row 2 has M = 4e[+]08 and D/N = 20: M is tokens per parameter"):
        with_optional_roles(wrong, ["M"])


def test_flops_per_token_are_not_taken_for_tokens_per_parameter(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = published("steplaw/moe.csv").parents[1]
    monkeypatch.setenv("FROUDE_PUBLISHED", str(folder))
    table = get_published("steplaw")
    with pytest.raises(InputError, match="M is tokens per parameter; name the column that is with --columns M=COLUMN"):
        with_optional_roles(table.read("moe.csv"), ["M"])
    runs = with_optional_roles(table.read("moe.csv", {"M": "D_over_N"}), ["M"])
    np.testing.assert_allclose(runs["M"], runs["D"] / runs["N"], rtol=1e-6)


# Checks and derivations


@pytest.mark.parametrize("missing", ["N", "D", "C"])
def test_any_one_of_parameters_tokens_and_compute_follows_from_the_others(missing: str) -> None:
    whole = {"N": [1e6, 3e7], "D": [1e8, 2e9], "C": [6e14, 3.6e17]}
    runs = Runs.from_columns({k: v for k, v in whole.items() if k != missing})
    np.testing.assert_allclose(runs[missing], whole[missing], rtol=1e-15)
    assert len(runs.derived) == 1
    assert runs.derived[0].startswith(missing)


@given(st.lists(st.tuples(st.floats(1, 1e12), st.floats(1, 1e14)), min_size=1, max_size=20))
def test_deriving_compute_and_then_tokens_gives_the_tokens_back(points: list[tuple[float, float]]) -> None:
    n, d = zip(*points, strict=True)
    seed = range(len(points))  # points may be equal
    compute = Runs.from_columns({"N": n, "D": d, "seed": seed})["C"]
    np.testing.assert_allclose(Runs.from_columns({"N": n, "C": compute, "seed": seed})["D"], d, rtol=1e-14)


def test_numbers_in_customary_writing_are_read() -> None:
    runs = Runs.from_columns({"N": ["7B", "1,024"], "D": ["1.4T tokens", "5e9"], "C": ["1e21 FLOP", "6"]})
    assert runs["N"].tolist() == [7e9, 1024]
    assert runs["D"].tolist() == [1.4e12, 5e9]
    assert runs["C"].tolist() == [1e21, 6]


@pytest.mark.parametrize("bad", [-2.0, 0.0, float("inf")])
def test_parameters_that_cannot_be_are_refused_with_their_row(bad: float) -> None:
    frame = pl.DataFrame({"params": [1.0, bad]})
    assert f"'params' (N), row 2: {bad!r}" in refusal(frame)
    assert read_runs(frame, where="N = 1")["N"].tolist() == [1]


@pytest.mark.parametrize("nothing", [float("nan"), None])
def test_a_row_without_parameters_is_kept_and_no_number(nothing: float | None) -> None:
    runs = read_runs(pl.DataFrame({"params": [1.0, nothing], "loss": [3.0, 2.0]}))
    np.testing.assert_array_equal(runs["N"], [1, np.nan])
    assert runs.finite().tolist() == [True, False]
    assert runs.finite(inputs=()).tolist() == [True, True]


@pytest.mark.parametrize("bad", ["large", "5 GB", "-3"])
def test_words_for_parameters_are_refused_with_their_row(bad: str) -> None:
    text = refusal(pl.DataFrame({"N": ["7B", bad]}))
    assert "'N', row 2" in text
    assert repr(bad) in text


def test_a_loss_that_is_a_word_is_refused() -> None:
    assert "'loss', row 1: 'low' is not a number" in refusal(pl.DataFrame({"loss": ["low", "3"]}))


def test_runs_that_diverged_are_kept_and_told_apart(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "N,loss\n1,3.5\n2,nan\n3,inf\n4,\n5,NaN\n6,-inf\n7,2\n")
    runs = read_runs(path)
    assert len(runs) == 7
    assert runs.diverged().tolist() == [False, True, True, False, True, True, False]
    assert runs.missing().tolist() == [False, False, False, True, False, False, False]
    assert runs.finite().tolist() == [True, False, False, False, False, False, True]


def test_another_outcome_with_nan_is_read_as_numbers(tmp_path: Path) -> None:
    runs = read_runs(write_csv(tmp_path, "name,acc,tag\n1,nan,a\n2,0.5,nan\n"))
    assert runs.diverged("acc").tolist() == [True, False]
    with pytest.raises(InputError, match="'tag' holds String, no numbers"):
        runs.diverged("tag")


def test_an_unknown_column_suggests_the_nearest(runs: Runs) -> None:
    with pytest.raises(InputError, match="no column 'los': did you mean 'loss'"):
        runs["los"]
    assert "loss" in runs
    assert "los" not in runs


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(InputError, match="differ in length"):
        Runs.from_columns({"N": [1, 2], "D": [1]})


# Conditions


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("N < 4e6", "ab"),
        ("N == 2e6", "b"),
        ("C > 1e15", "bcd"),
        ("N > 1e6 AND \"my tag\" = 'seed'", "c"),
        ("N = 1e6 OR name IN ('d', 'x')", "ad"),
        ("NOT (N <= 4e6)", "d"),
        ("loss < 3.2", "d"),
        ("loss > 3.2", "abc"),
        ("N > 1e21", ""),
    ],
)
def test_conditions_choose_runs(runs: Runs, condition: str, names: str) -> None:
    assert "".join(runs.where(condition)["name"]) == names


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("N >", "does not parse"),
        ("", "does not parse"),
        ("SELECT 1", "does not parse"),
        ("N", "is no condition"),
        ("1 = 1", "is no condition"),
        ("sum(N) > 3", "is no condition"),
        ("N > 7B", "write 7e9 for 7B"),
        ("LEAST()", "has no arguments"),
        ("N > 1" + " OR N = 2" * 12_000, "has 24001 parts: give at most 100"),
        ("N > 1 " + "| 1" * 3000, "has 3001 parts"),
        ("N " + "= 1 " * 3000, "has 3000 parts"),
        ("N" + "::int" * 3000 + " > 1", "has 3001 parts"),
        ("(" * 10_000 + "N > 1" + ")" * 10_000, "has 10001 parts"),
        ('"' + "N" * 20_000 + '" > 1', "no column"),
        ("N BETWEEN 1 AND " * 12 + "2", "nested too deeply"),
        ("NULLIF(" * 12 + "N" + ", 1)" * 12 + " > 1", "nested too deeply"),
        ("LPAD(name, 9999999999, 'a') = 'b'", "leave that out"),
        ("CAST(N AS DECIMAL(999, 999)) > 1", "does not fit the columns"),
        ("los < 3", "did you mean 'loss'"),
        ('name = "a"', "single quotes: 'a'"),
        ("name > 3", "does not fit the columns"),
        ("__import__('os').system('true') = 0", "does not parse"),
    ],
)
def test_what_is_no_condition_is_refused(runs: Runs, condition: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        runs.where(condition)
    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_panic_of_the_dataframe_library_writes_nothing(runs: Runs, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="does not fit the columns"):
        runs.where("CAST(N AS DECIMAL(999, 999)) > 1")
    assert capfd.readouterr() == ("", "")


def test_a_list_of_thousands_and_a_long_text_are_conditions(runs: Runs) -> None:
    assert len(runs.where(f"N IN ({', '.join(map(str, range(12_000)))})")) == 0
    assert len(runs.where(f"name = '{'a' * 50_000}'")) == 0


def test_a_condition_that_names_no_column_is_refused_for_a_single_run_too() -> None:
    with pytest.raises(InputError, match="is no condition"):
        Runs.from_columns({"N": [1]}).where("1 = 1")


def test_a_condition_and_its_negation_share_no_run(runs: Runs) -> None:
    held = runs.mask("N >= 4e6")
    assert len(runs.take(held)) + len(runs.take(~held)) == len(runs)


def test_runs_keep_the_row_they_were_read_from(runs: Runs) -> None:
    assert runs.where("N > 1e6").where("N > 4e6").row_name(0) == "row 4 (d)"
    assert runs.take([2, 0]).row_name(0) == "row 3 (c)"
    assert len(runs.take([])) == 0
    assert Runs.from_columns({"N": [5]}).row_name(0) == "row 1"


# Files and dataframes


def test_every_kind_of_file_and_frame_gives_the_same_runs(tmp_path: Path, runs: Runs) -> None:
    frame = pl.DataFrame(TABLE)
    frame.write_csv(tmp_path / "t.csv")
    frame.write_csv(tmp_path / "t.tsv", separator="\t")
    frame.write_parquet(tmp_path / "t.PARQUET")
    lines = "\n".join(json.dumps(row) for row in frame.to_dicts())
    (tmp_path / "t.jsonl").write_text(lines)
    (tmp_path / "t.ndjson").write_text(lines + "\n")
    files = [tmp_path / f"t.{kind}" for kind in ("csv", "tsv", "PARQUET", "jsonl", "ndjson")]
    for source in (*files, frame, frame.lazy(), pa.table(TABLE), runs):
        read = read_runs(source)
        assert read.columns == ("N", "D", "loss", "name", "my tag", "C")
        for column in ("N", "D", "C", "loss"):
            np.testing.assert_array_equal(read[column], runs[column])
        assert read["name"].tolist() == TABLE["name"]


def test_json_rows_may_differ_in_their_keys(tmp_path: Path) -> None:
    text = '{"N": 1, "loss": 3}\n\n{"N": 2.5, "loss": "nan", "sizes": [1, 2]}\n{"N": "7B", "loss": NaN}\n'
    runs = read_runs(write_csv(tmp_path, text, "r.jsonl"))
    assert runs["N"].tolist() == [1, 2.5, 7e9]
    assert runs.diverged().tolist() == [False, True, True]
    assert runs["sizes"].tolist() == [None, "[1, 2]", None]


@pytest.mark.parametrize("cut", range(1, 22))
def test_a_last_json_line_cut_short_anywhere_is_left_out_and_told(tmp_path: Path, cut: int) -> None:
    last = '{"N": 2, "loss": 3.5}'
    runs = read_runs(write_csv(tmp_path, '{"N": 1, "loss": 4}\n' + last[:cut], "r.jsonl"))
    assert (len(runs), len(runs.notes)) == ((2, 0) if cut == len(last) else (1, 1))
    assert all("cut short" in note for note in runs.notes)


def test_a_broken_json_line_in_the_middle_is_refused_with_its_number(tmp_path: Path) -> None:
    assert "line 2 is no JSON object" in refusal(write_csv(tmp_path, '{"N": 1}\n{"N": \n{"N": 2}\n', "r.jsonl"))
    assert "line 1 is no JSON object" in refusal(write_csv(tmp_path, '[1]\n{"N": 2}\n', "r.jsonl"))


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("r.csv", "", "is empty"),
        ("r.csv", "N,D\n", "holds no runs"),
        ("r.csv", "N,D\n1,2,3\n", "has 3 values in line 2 for 2 names in line 1"),
        ("r.jsonl", "", "is empty"),
        ("r.jsonl", '{"N": 1', "holds no runs"),
        ("r.parquet", "N,D", "cannot be read as .parquet"),
        (
            "r.npz",
            "x",
            "logs of trackers and trainers, .csv, .tsv, .tab, .txt, .dat, .parquet, .json, .jsonl, .ndjson or a",
        ),
        ("r.xlsx", "x", "is a workbook: save the sheet as CSV"),
    ],
)
def test_a_file_without_runs_is_refused(tmp_path: Path, name: str, text: str, says: str) -> None:
    message = refusal(write_csv(tmp_path, text, name))
    assert name in message
    assert says in message


def test_what_is_nowhere_or_no_table_is_refused(tmp_path: Path) -> None:
    assert "no file or folder" in refusal(tmp_path / "none.csv")
    assert "is no study" in refusal(tmp_path)
    assert "from a list" in refusal([1, 2])
    assert "the dataframe holds no runs" in refusal(pl.DataFrame({"N": []}))
    assert "comes too late" in refusal(Runs.from_columns({"x": [1]}), {"N": "x"})


def test_a_perplexity_is_no_loss_and_its_logarithm_is_asked_for(tmp_path):
    text = "params,tokens,perplexity\n1e7,1e9,30.1\n2e7,1e9,25.2\n"
    runs = read_runs(write_csv(tmp_path, text))
    with pytest.raises(InputError, match="the logarithm of 'perplexity' is one, add it as a column loss"):
        runs["loss"]
