"""Speculative decoding: how many tokens a pass yields that verifies drafted ones."""

from __future__ import annotations

import numpy as np

from froude.cost.model.operators import Number


def accepted_tokens(acceptance: Number, drafted: Number) -> Number:
    """Tokens that a pass yields that verifies a chain: (1 - a^(k+1)) / (1 - a), its own next token among them.

    Each drafted token is accepted with probability a, all before it given. Leviathan et al. 2022, arXiv:2211.17192,
    eq. 1.
    """
    a = np.asarray(acceptance, dtype=float)
    apart = np.where(a < 1, 1 - a, 1.0)
    return np.where(a < 1, (1 - a ** (np.asarray(drafted) + 1)) / apart, np.asarray(drafted) + 1.0)
