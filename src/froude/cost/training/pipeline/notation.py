"""A pipeline's explicit layout, as Megatron-Core writes it in `pipeline_model_parallel_layout`.

`E` is the embedding, `t` a block, `m` a head that predicts one token further (multi-token prediction), `L` the loss
with the head before it; `|` ends a chunk, `*n` repeats what stands before it, a letter or a group in parentheses, and
commas may stand between. "Et*4|(t*4|)*14tmL" is 16 chunks: four blocks in each of the first fifteen, one in the last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import final

from froude.errors import InputError, shown

EXAMPLE = "Et*4|(t*4|)*14tmL"
_MOST = 100_000  # letters of a layout written out
_REPEATED = re.compile(r"(?:([EtmL|])|\(([EtmL|]*)\))\*(\d{1,5})(?!\d)")


@final
@dataclass(frozen=True)
class Chunks:
    """What each chunk of a pipeline holds, in the model's order: blocks, and heads that predict further tokens."""

    blocks: tuple[int, ...]
    predictions: tuple[int, ...]

    def on_device(self, stages: int) -> tuple[int, ...]:
        """Blocks by device, where chunk i lies on device i modulo the stages."""
        return tuple(sum(self.blocks[device::stages]) for device in range(stages))


@cache
def parse_chunks(text: str) -> Chunks:
    """The chunks that a layout writes.

    InputError for other letters, and for an order that no framework takes: the embedding first, the loss last, and
    between them blocks before heads that predict further tokens.
    """
    letters = _written_out(text)
    if not re.fullmatch(r"E[t|]*[m|]*L", letters):
        raise _wrong(text)
    chunks = letters.split("|")
    return Chunks(
        blocks=tuple(chunk.count("t") for chunk in chunks), predictions=tuple(chunk.count("m") for chunk in chunks)
    )


def _written_out(text: str) -> str:
    """The text with every repetition carried out, innermost first."""
    letters = re.sub(r"[\s,]", "", text)
    while (match := _REPEATED.search(letters)) is not None:
        once = match[1] or match[2]
        if len(once) * int(match[3]) > _MOST:
            raise _wrong(text)
        letters = letters[: match.start()] + once * int(match[3]) + letters[match.end() :]
        if len(letters) > _MOST:
            raise _wrong(text)
    return letters


def _wrong(text: str) -> InputError:
    return InputError(
        f"pipeline_layout = {shown(text)}: write even, ends, or embedding E, blocks t, multi-token prediction m and "
        f"loss L with | between chunks, as in {EXAMPLE}"
    )
