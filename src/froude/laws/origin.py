"""What published constants were fitted to: the runs, their text and tokenizer, and how sure their source is of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final


@final
@dataclass(frozen=True, kw_only=True)
class Origin:
    """What one published set of constants was fitted to; what its source does not say is empty or None.

    `source` says where these statements are from. `data` is the text that the outcome is of and `tokenizer` the one
    that counts its tokens, `n` the number of runs, and `ranges` the lowest and highest input among them, C in FLOP
    beside N and D. `deviation` is the relative standard deviation of one run about the law. `covariance` holds that of
    the parameters, in their order, of the logarithm where a parameter is fitted in logarithms.
    """

    source: str
    data: str | None = None
    tokenizer: str | None = None
    n: int | None = None
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    deviation: float | None = None
    covariance: tuple[tuple[float, ...], ...] = ()
