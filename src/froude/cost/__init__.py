"""What a model costs: exact parameters and FLOPs of an architecture."""

from froude.cost.decoder import Decoder

__all__ = ["Decoder"]
