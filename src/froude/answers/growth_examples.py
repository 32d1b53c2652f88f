"""What is said of the experiments that ship with Froude."""

from __future__ import annotations

from collections.abc import Sequence

from froude.answers.answer import Answer, Fact, Table
from froude.answers.numbers import count
from froude.growth import GrowthExample
from froude.growth.catalogue import INSTALL


def answer_of_growth_examples(examples: Sequence[GrowthExample]) -> Answer:
    """The experiments by name, each with a sentence and the libraries that it needs."""
    return Answer(
        headline=f"{count(len(examples), 'experiment')} that ship with Froude",
        tables=(
            Table(
                title="",
                columns=("name", "what it compares"),
                rows=tuple((example.name, sentence(example)) for example in examples),
                left=(0, 1),
            ),
        ),
        notes=(
            "froude grow --example NAME runs one",
            f"{INSTALL} brings the libraries that some need",
        ),
        data={"examples": [example.to_dict() for example in examples]},
    )


def answer_of_growth_example(example: GrowthExample) -> Answer:
    """One experiment: what it compares, and what it needs."""
    facts = {
        "needs": ", ".join(example.libraries),
        "shows": ", ".join(example.rows),
        "file": str(example.path),
    }
    return Answer(
        headline=f"{example.name}: {example.about}",
        facts=tuple(Fact(head, text) for head, text in facts.items() if text),
        notes=tuple(" ".join(part.split()) for part in example.text.split("\n\n")[1:]),
        data=example.to_dict(),
    )


def markdown_of_growth_examples(examples: Sequence[GrowthExample]) -> str:
    """The same as a list in Markdown, a line each."""
    return "\n".join(f"- `{example.name}`: {sentence(example)}" for example in examples)


def sentence(example: GrowthExample) -> str:
    """What an experiment compares, and the libraries that it needs."""
    libraries = f" (needs {', '.join(example.libraries)})" if example.libraries else ""
    return f"{example.about}{libraries}"
