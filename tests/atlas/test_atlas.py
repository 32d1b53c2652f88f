"""The atlas: every row kept, the schema held to, search that finds, arithmetic that tells right from wrong."""

import json
import os
import sqlite3
from importlib.resources import files
from pathlib import Path

import pytest

from froude.atlas import (
    Range,
    Record,
    atlas_record,
    atlas_records,
    check_atlas,
    read_records,
    record_to_dict,
    search_atlas,
)
from froude.atlas.arithmetic import half_digit
from froude.atlas.index import create_index
from froude.errors import InputError
from mutants import json_mutants, outcome
from paths import TABLES

pytest_plugins = ["door"]
VERSION = '{"schema": 1}'
ROWS = 384


def claim(**changed) -> dict:
    """A claim as it stands in the file."""
    claim = {
        "quantity": "speed",
        "value": 2,
        "unit": "x",
        "baseline": "plain",
        "qualifier": "exact",
        "gain": "realised",
    }
    return {name: value for name, value in (claim | changed).items() if value is not None}


def row(*claims: dict, **changed) -> dict:
    """A record as it stands in the file."""
    head = {"id": "a-b", "title": "A Paper", "domain": "language", "role": "serve", "priority": 1, "axis": "bits"}
    tail = {"lever": "bits -> memory", "costs": ["memory"], "works_when": "It does.", "runnable": "cpu-now"}
    return head | tail | {"claims": list(claims)} | changed


def read(*rows: dict) -> tuple[Record, ...]:
    """The records of rows as read from a file."""
    return read_records("\n".join((VERSION, *map(json.dumps, rows))), "mine.jsonl")


def related(rule: str, stated: dict, *numbers: float) -> str:
    """The verdict on a claim that a rule computes from numbers given as known."""
    terms = [{"value": value, "source": "planted"} for value in numbers]
    *_, finding = check_atlas(read(row(stated, relations=[{"rule": rule, "claim": 0, "terms": terms}])))
    return finding.verdict


# --- the data --------------------------------------------------------------------------------------------


def test_every_row_is_kept_once():
    ids = [record.id for record in atlas_records()]
    assert (len(ids), len({*ids})) == (ROWS, ROWS)


def test_ids_and_texts_are_those_of_the_source():
    beside = TABLES
    source = Path(os.environ.get("FROUDE_PUBLISHED", beside)).parent / "reference" / "atlas.jsonl"
    if not source.is_file():
        pytest.skip("the atlas's source is not here: set FROUDE_PUBLISHED")
    names = ("id", "title", "domain", "role", "priority", "axis", "lever", "works_when", "runnable")
    rows = map(json.loads, source.read_text().splitlines())
    assert [[getattr(record, name) or "" for name in names] for record in atlas_records()] == [
        [r[n] or "" for n in names] for r in rows
    ]


def test_what_is_read_is_written_as_it_stood():
    _, *lines = files("froude.atlas").joinpath("records.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.dumps(record_to_dict(record), ensure_ascii=False) for record in atlas_records()] == lines


def test_the_two_ends_of_a_range_are_one_claim():
    speed = atlas_record("resnet-rs").claims[0]
    assert (speed.value, speed.hardware) == (Range(low=1.7, high=2.7), ("TPU",))
    assert not [
        c for record in atlas_records() for c in record.claims if " end" in " ".join((c.quantity, *c.conditions))[-8:]
    ]


def test_up_to_is_a_bound_and_stands_beside_its_baseline():
    sentences = [claim.sentence for claim in atlas_record("KIVI").claims]
    assert "batch size gain: ≤ 4 x, against unquantized cache" in sentences


def test_hardware_is_found_where_a_claim_names_it():
    assert {"A100", "RTX 4090"} <= {*atlas_record("triforce").hardware}


# --- the schema ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (row(domain="langauge"), "domain is 'langauge': give language"),
        (row(priority=5), "priority is 5"),
        (row(priority=True), "priority is True"),
        (row(title=""), "title is ''"),
        (row(levers="x"), "unknown field 'levers': give lever"),
        (row(costs=["memroy"]), "costs is 'memroy': give memory"),
        (row(claims={}), "claims is {}: give a list"),
        (row(claim(), claim(qualifier="upto")), "claims[1].qualifier is 'upto'"),
        (row(claim(value=None)), "claims[0].value is missing"),
        (row(claim(value=float("nan"))), "claims[0].value is nan: give a finite number"),
        (row(claim(value=None, low=1)), "claims[0].high is None"),
        (row(claim(low=1, high=2)), "claims[0].value stands beside low and high"),
        (row(claim(conditions="A100")), "claims[0].conditions is 'A100': give a list"),
        (row(claim(), relations=[{"rule": "ratio", "claim": 1, "terms": []}]), "relations[0].terms has 0"),
        (
            row(claim(), relations=[{"rule": "bound", "claim": 0, "terms": [{"claim": 1}]}]),
            "relations[0].terms[0].claim",
        ),
        (row(claim(value="O(k)"), relations=[{"rule": "bound", "claim": 0, "terms": [{"claim": 0}]}]), "has no number"),
    ],
)
def test_a_record_that_breaks_the_schema_is_refused_with_line_and_field(broken, named):
    with pytest.raises(InputError) as refused:
        read(row(id="first"), broken)
    assert "mine.jsonl line 3: " in str(refused.value)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"{VERSION}\n{{", "line 2: it is no JSON"),
        (f"{VERSION}\n" + "[" * 50_000, "line 2: it is nested too deeply"),
        (f"{VERSION}\n" + "9" * 5000, "line 2: it holds an integer of thousands of digits"),
        ('{"schema": 2}', "line 1: schema is not 1"),
        (f"{VERSION}\n{json.dumps(row())}\n\n{json.dumps(row())}", "line 4: id 'a-b' stands twice"),
        (f"{VERSION}\n[]", "line 2: the record is []"),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused_with_its_line(text, named):
    with pytest.raises(InputError, match=r"mine\.jsonl") as refused:
        read_records(text, "mine.jsonl")
    assert named in str(refused.value)


def test_an_unknown_id_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="'kivy': give an id like kivi"):
        atlas_record("kivy")
    with pytest.raises(InputError, match="flashattention-2, flashattention-3"):
        atlas_record("flashattention")


# --- search ----------------------------------------------------------------------------------------------


def test_search_finds_kivi_by_what_it_is_about():
    assert "kivi" in [hit.record.id for hit in search_atlas("KV cache memory", limit=5)]


def test_a_record_with_all_words_comes_before_one_with_some():
    words = "speculative decoding tree"
    found = [hit.record for hit in search_atlas(words, limit=ROWS)]
    holds = [
        all(stem in json.dumps(record_to_dict(record)).lower() for stem in ("speculati", "decod", "tree"))
        for record in found
    ]
    assert holds[0]
    assert False in holds


@pytest.mark.parametrize("text", ["2-bit", 'say "x" OR (', "NEAR AND", "attention*", "l'été speed"])
def test_a_text_is_words_and_never_a_query(text):
    assert search_atlas(text, limit=1)


@pytest.mark.parametrize(
    ("facet", "is_so"),
    [
        ({"domain": "vision"}, lambda r: r.domain == "vision"),
        ({"role": "serve"}, lambda r: r.role == "serve"),
        ({"lever": "BATCH"}, lambda r: "batch" in (r.lever or "").lower()),
        ({"cost": "memory"}, lambda r: "memory" in r.costs),
        ({"hardware": "a100"}, lambda r: "A100" in r.hardware),
        ({"priority": 1}, lambda r: r.priority == 1),
        ({"runnable": "cpu-now"}, lambda r: r.runnable == "cpu-now"),
    ],
)
def test_a_facet_admits_all_that_have_it_and_no_other(facet, is_so):
    wanted = [record.id for record in atlas_records() if is_so(record)]
    assert [hit.record.id for hit in search_atlas(**facet, limit=ROWS)] == wanted
    among = {hit.record.id for hit in search_atlas("speed", limit=ROWS)}
    assert {hit.record.id for hit in search_atlas("speed", **facet, limit=ROWS)} == among & {*wanted}


def test_an_unknown_facet_is_refused_with_those_known():
    with pytest.raises(InputError, match="role 'laws' is unknown: give one of law,"):
        search_atlas("loss", role="laws")
    with pytest.raises(InputError, match="has no word"):
        search_atlas("?!")


def test_a_python_without_full_text_search_is_told_so():
    class Without:
        def execute(self, _):
            raise sqlite3.OperationalError("no such module: fts5")

    with pytest.raises(InputError, match="has no FTS5"):
        create_index(Without())  # pyright: ignore[reportArgumentType]


# --- arithmetic ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "value", "terms", "wrong"),
    [
        ("ratio", 2.2, (9, 4.1), 3),
        ("product", 24, (2, 3, 4), 30),
        ("difference", 2.17, (9.76, 7.59), 2.3),
        ("cut", 24, (16, 21), 31),
        ("gain", 8.7, (0.75, 0.69), 9.7),
        ("share", 72, (225, 312), 75),
        ("six_nd", 1.2e26, (1e12, 2e13), 1.2e25),
    ],
)
def test_a_number_that_its_terms_do_not_give_is_a_contradiction(rule, value, terms, wrong):
    assert related(rule, claim(value=value), *terms) == "holds"
    assert related(rule, claim(value=wrong), *terms) == "contradicts"


def test_a_gain_above_its_bound_exceeds_it():
    assert related("bound", claim(value=4), 16, 4) == "holds"
    assert related("bound", claim(value=None, low=2, high=4.2), 16, 4) == "exceeds"


def test_at_least_admits_more_and_about_admits_roughly():
    assert related("ratio", claim(value=20, qualifier="at least"), 50, 1) == "holds"
    assert related("ratio", claim(value=20), 50, 1) == "contradicts"
    assert related("ratio", claim(value=20, qualifier="about"), 22, 1) == "holds"
    assert related("ratio", claim(value=20), 22, 1) == "contradicts"


def test_ends_in_the_wrong_order_and_shares_above_all_are_contradictions():
    wrong = row(
        claim(value=None, low=3, high=2),
        claim(quantity="utilisation", unit="% of peak", value=104),
        claim(quantity="memory cut", unit="%", value=433),
        claim(quantity="throughput gain", unit="%", value=146),
    )
    findings = check_atlas(read(wrong))
    assert [(f.claim, f.rule, f.verdict) for f in findings] == [
        (0, "ends", "contradicts"),
        (1, "share of 100%", "contradicts"),
        (2, "share of 100%", "contradicts"),
    ]


@pytest.mark.parametrize(
    ("value", "half"), [(2, 0.5), (1.5, 0.05), (40, 0.5), (100, 5), (2300, 50), (1e12, 5e10), (0, 0)]
)
def test_a_number_stands_for_what_rounds_to_it(value, half):
    assert half_digit(value) == pytest.approx(half)


def test_the_atlas_contradicts_itself_where_its_notes_say_so():
    wrong = {f.record: f for f in check_atlas() if f.verdict == "contradicts"}
    assert {*wrong} == {"farseer", "crysbfn", "bass"}
    assert all(f.note for f in check_atlas() if f.verdict != "holds")
    assert "2000 / 10 = 200" in wrong["crysbfn"].numbers


def test_the_compute_of_a_trillion_parameters_is_six_n_d():
    (finding,) = (f for f in check_atlas() if f.rule == "FLOPs against 6·N·D")
    assert (finding.record, finding.verdict) == ("frontier-llm-training", "holds")


# --- front door ------------------------------------------------------------------------------------------


def test_words_after_atlas_are_searched_for(cli):
    done = cli("atlas", "KV cache", "memory", "--role", "serve")
    assert (done.code, done.err) == (0, "")
    assert done.out == cli("atlas", "search", "KV cache memory", "--role", "serve").out
    assert "batch size gain: ≤ 4 x, against unquantized cache" in done.out


def test_search_in_json_has_sentence_and_baseline(cli):
    hits = json.loads(cli("atlas", "KV cache memory", "--limit", 5, "--json").out)
    (kivi,) = (one for one in hits if one["id"] == "kivi")
    assert kivi["score"] > 0
    assert all(one["sentence"].startswith(one["quantity"]) for one in kivi["claims"])


def test_show_tells_claims_checks_and_when_it_works(cli):
    done = cli("atlas", "show", "crysbfn")
    assert done.code == 0
    for part in ("≈ 100 x, against diffusion methods", "contradicts: sampling speedup", "works when"):
        assert part in done.out
    assert json.loads(cli("atlas", "show", "crysbfn", "--json").out)["checks"][0]["verdict"] == "contradicts"


def test_check_lists_rule_row_numbers_and_verdict(cli):
    done = cli("atlas", "check")
    assert done.code == 0
    assert "percent of the peak: 75 % of peak from 100 · 740 / 989 = 74.82" in done.out
    data = json.loads(cli("atlas", "check", "--json").out)
    assert sum(data["counts"].values()) == len(data["findings"])
    assert {"rule", "record", "numbers", "verdict"} <= data["findings"][0].keys()


def test_bad_requests_are_one_line(refused):
    assert "give an id like kivi" in refused("atlas", "show", "kivy")
    assert "has nothing on 'zzqqx'" in refused("atlas", "zzqqx")
    assert "neither text nor facet" in refused("atlas", "search")
    assert "domain 'foo' is unknown" in refused("atlas", "speed", "--domain", "foo")
    assert "No such option" in refused("atlas", "speed", "--nope", code=2)


def test_mutated_records_are_refused_in_a_line_or_read():
    whole = record_to_dict(next(record for record in atlas_records() if record.relations))
    lines = [
        outcome(lambda body=body: read_records(f"{VERSION}\n{body.decode('utf-8', 'replace')}", "mine.jsonl"))
        for body in json_mutants(whole, 0, 200)
    ]
    assert None in lines
    assert len([line for line in lines if line]) > 80
