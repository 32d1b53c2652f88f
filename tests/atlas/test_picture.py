"""The picture of claims: those of one kind, in groups, bounds drawn as bounds, and refusals in one line."""

import json
import re

import numpy as np
import pytest

from froude import InputError
from froude.atlas import atlas_records
from froude.atlas.selection import select_claims
from froude.drawing.claims import claims_chart

pytest_plugins = ["door"]


def test_claims_are_grouped_by_bits_from_few_to_many():
    rows = select_claims(atlas_records(), about="speed throughput", by="bits")
    bits = [float(row.group.removesuffix(" bits")) for row in rows]
    assert bits == sorted(bits)
    assert ("marlin", "4 bits") in {(row.record.id, row.group) for row in rows}


def test_every_claim_of_a_kind_is_there_largest_first():
    rows = select_claims(atlas_records(), about="memory", by="role")
    claims = [
        c
        for r in atlas_records()
        for c in r.claims
        if c.unit == "x" and "memory" in c.quantity.lower() and c.value is not None
    ]
    assert len(rows) == len(claims) > 10
    for role in {row.group for row in rows}:
        values = [row.high for row in rows if row.group == role]
        assert values == sorted(values, reverse=True)


def test_up_to_is_drawn_as_a_bar_and_a_measured_value_as_a_point():
    pytest.importorskip("matplotlib")
    bound = next(row for row in select_claims(atlas_records(), about="memory") if row.claim.qualifier == "maximum")
    measured = next(row for row in select_claims(atlas_records(), about="memory") if row.claim.qualifier == "exact")
    for row, points in ((bound, 0), (measured, 1)):
        axes = claims_chart([row]).axes[0]
        bars = [np.asarray(line.get_xydata())[0, 0] for line in axes.lines if line.get_linewidth() == 5]
        assert bars.count(row.high) == 1 - points
        places = [np.asarray(marks.get_offsets()) for marks in axes.collections]
        at = [x for place in places for x in place[:, 0].tolist() if x == row.high]
        assert len(at) == 2 * points  # both ends of a value are the same place


def test_the_picture_shows_each_claim_with_its_baseline(cli, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "memory.svg"
    assert re.match(r"\d+ claims of \d+ papers: ", cli("atlas", "picture", "memory", "--out", out).out)
    assert "against unquantized cache" in out.read_text()
    data = json.loads(cli("atlas", "picture", "memory", "--out", out, "--json").out)
    assert (data["picture"], len(data["claims"])) == (str(out), len(select_claims(atlas_records(), about="memory")))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nonsense", "--out", "x.svg"), "no claim in 'x' has a word of 'nonsense'"),
        (("speed", "--by", "mood", "--out", "x.svg"), "by 'mood' is unknown: give one of role, hardware, bits, batch"),
        (("speed", "--out", "x.jpg"), "'x.jpg' is no picture: give a name that ends in .svg"),
        (("speed", "--role", "cook", "--out", "x.svg"), "role 'cook' is unknown"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(refused, arguments, said):
    assert said in refused("atlas", "picture", *arguments)


def test_without_claims_there_is_nothing_to_draw():
    with pytest.raises(InputError, match="give other words or another unit"):
        select_claims([], about="speed")
