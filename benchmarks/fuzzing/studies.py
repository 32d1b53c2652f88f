"""Folders of studies, files of which are damaged, missing, doubled, or no files at all."""

import json
import random

from fuzzing import odd
from fuzzing.inputs import File, Input, Material, Special, Words, chance
from fuzzing.words import hold_out

SPECIAL = (
    Special(what="fifo"),
    Special(what="folder"),
    Special(what="link", target="nowhere"),
    Special(what="link", target="."),
)


def study_input(rng: random.Random, material: Material) -> Input:
    """A study with some damage, read as a table or for its page."""
    files: dict[str, File] = dict(material.study)
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        damage(rng, files)
    words: Words = rng.choice(
        (
            ("report", "s"),
            ("report", "s", "--json"),
            ("fit", "s", "--law", "chinchilla-tied", "--draws", "20", "--starts", "2"),
            ("fit", "s", "--law", "power", "--draws", "20", "--starts", "2", "--json"),
            ("fit", "s", "--law", "power", "--draws", "20", "--starts", "2"),
            ("backtest", "s", "--law", "power", "--draws", "20", "--hold-out", hold_out(rng)),
        )
    )
    return Input(kind="study", commands=(words,), files={f"s/{name}": body for name, body in files.items()})


def damage(rng: random.Random, files: dict[str, File]) -> None:
    """Changes one file of a study in place."""
    documents = [name for name in files if name.endswith(".json")]
    name = rng.choice(documents if documents and chance(rng, 0.6) else sorted(files))
    body = files[name]
    how = rng.random()
    if how < 0.1:
        del files[name]
    elif how < 0.16:
        files[name] = rng.choice(SPECIAL)
    elif how < 0.22:
        files[rng.choice(("runs/copy.jsonl", "runs/x.txt", "runs/.hidden", "study.json.tmp", "runs/é.jsonl"))] = body
    elif isinstance(body, bytes) and name.endswith(".json") and how < 0.8:
        files[name] = _damaged_document(rng, body)
    elif isinstance(body, bytes) and name.endswith(".jsonl") and how < 0.6:
        files[name] = _damaged_lines(rng, body)
    elif isinstance(body, bytes):
        files[name] = odd.damaged_bytes(rng, body)


def _damaged_document(rng: random.Random, body: bytes) -> bytes:
    try:
        return odd.json_bytes(odd.damaged_json(rng, json.loads(body)))
    except ValueError:
        return odd.damaged_bytes(rng, body)


def _damaged_lines(rng: random.Random, body: bytes) -> bytes:
    lines = body.splitlines()
    at = rng.choice((0, -1, rng.randrange(len(lines)))) if lines else 0
    try:
        lines[at] = odd.json_bytes(odd.damaged_json(rng, json.loads(lines[at])), 3000)
    except (ValueError, IndexError):
        return odd.damaged_bytes(rng, body)
    return b"\n".join(lines) + rng.choice((b"\n", b"\n", b""))
