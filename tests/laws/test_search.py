"""Laws found by words."""

import json

import pytest

from froude import InputError, all_laws, search_laws

pytest_plugins = ["door"]


def names(text: str) -> list[str]:
    """The names of the laws found, best first."""
    return [law.name for law in search_laws(text)]


def test_rules_for_the_learning_rate_come_before_laws_that_mention_it():
    found = names("learning rate")
    assert {"step-law-lr", "compute-lr", "kaplan-lr"} <= set(found[:6])
    assert found.index("step-law-lr") < found.index("annealing")


@pytest.mark.parametrize("law", all_laws(), ids=lambda law: law.name)
def test_a_law_is_found_by_its_name_and_by_what_it_says(law):
    assert law.name in names(law.name)[:5]
    assert law.name in names(law.about)[:3]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Chinchilla", "chinchilla"),
        ("hoffmann 2022", "chinchilla"),
        ("repeated data", "repeated-tokens"),
        ("EPOCHS", "repeated-tokens"),
        ("quantization", "float-training"),
        ("K", "uncovered"),
        ("the batch", "step-law-batch"),
    ],
)
def test_authors_symbols_plurals_and_other_words_find_laws(text, first):
    assert first in names(text)[:2]


def test_a_symbol_is_not_a_letter_of_words():
    assert len(names("K")) < 5
    assert names("zzz") == []


def test_a_search_without_a_word_is_refused():
    for text in ("", "…", "the"):
        with pytest.raises(InputError, match="nothing to search for"):
            search_laws(text)


def test_the_command_lists_hits_and_says_where_there_is_none(cli, refused):
    lines = cli("laws", "--search", "learning rate").out.splitlines()
    assert lines[0].endswith('on "learning rate", best match first')
    assert lines[2].split()[0] == search_laws("learning rate")[0].name
    assert refused("laws", "--search", "zzz").startswith("no law is about 'zzz'")
    assert json.loads(cli("laws", "--search", "zzz", "--json").out) == []
    assert "exclude one another" in refused("laws", "power", "--search", "rate")
