"""A trunk: one training at a constant learning rate from which runs of several lengths branch off and decay.

Warm-up, then a stable stretch shared by all lengths, then for each length its own linear decay to zero (the
warmup-stable-decay schedule, Hu et al. 2024, arXiv:2404.06395): k lengths cost little more than the longest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from froude.cost import Decoder
from froude.documents.checking import as_type
from froude.runs import run_id

LINES_A_RUN = 200  # lines of its curve that the longest run of a trunk writes, about


@final
@dataclass(frozen=True, kw_only=True)
class Trunk:
    """What is trained: a model, a seed, the lengths of its runs in tokens, and how.

    `lr` moves the hidden matrices and `lr_embedding` the embedding. Against instability at high rates, `qk_norm`
    normalises queries and keys, their gains learnt at `lr_embedding`, and `z_loss`, 1e-4 say, times the mean square of
    log Z, the softmax's normaliser, is added to the loss that is trained on (Wortsman et al. 2023, arXiv:2309.14322). A
    run's identity is the hash of all this, with its own number of tokens in place of `tokens`.
    """

    decoder: Decoder
    seed: int
    tokens: tuple[int, ...]
    batch: int
    lr: float
    lr_embedding: float
    warmup_tokens: int
    decay_share: float
    corpus: str
    device: str = "cpu"
    precision: str = "fp32"
    compile: bool = False
    qk_norm: bool = False
    z_loss: float = 0.0

    def __post_init__(self) -> None:
        if self.batch < 1 or min(self.seed, self.lr, self.lr_embedding, self.warmup_tokens, self.z_loss) < 0:
            raise ValueError(f"a batch is at least 1, seed, rates, warm-up and z-loss at least 0, got {self}")
        if not 0 <= self.decay_share <= 1:
            raise ValueError(f"the share of decay lies between 0 and 1, got {self.decay_share}")
        if list(self.tokens) != sorted(set(self.tokens)) or not self.tokens:
            raise ValueError(f"lengths of a trunk ascend, got {self.tokens}")
        if self.tokens[0] % self.batch_tokens or self.tokens[0] <= self.warmup_tokens:
            raise ValueError(f"{self.tokens[0]} tokens must be whole batches of {self.batch_tokens} past the warm-up")

    @property
    def batch_tokens(self) -> int:
        """Tokens a step."""
        return self.batch * self.decoder.context

    @property
    def n_steps(self) -> int:
        """Steps of the longest run."""
        return self.tokens[-1] // self.batch_tokens

    @property
    def log_steps(self) -> int:
        """Steps between two lines of a curve."""
        return max(1, self.n_steps // LINES_A_RUN)

    def decay_start(self, tokens: int) -> int:
        """The step at which the run of this length leaves the trunk."""
        steps = tokens // self.batch_tokens
        return steps - max(1, round(self.decay_share * steps))

    def lr_factor(self, step: int, tokens: int) -> float:
        """Share of the peak learning rate at a step (from 0) of the run of this length."""
        steps, start = tokens // self.batch_tokens, self.decay_start(tokens)
        if step >= start:
            return (steps - step) / (steps - start)
        return min(1.0, (step + 1) * self.batch_tokens / max(1, self.warmup_tokens))

    @property
    def work_tokens(self) -> int:
        """Tokens trained in all: the longest run and the decays of the others."""
        decays = (tokens // self.batch_tokens - self.decay_start(tokens) for tokens in self.tokens[:-1])
        return self.tokens[-1] + sum(decays) * self.batch_tokens

    def shared_config(self) -> dict[str, Any]:
        """Everything that decides the trunk's weights, flat."""
        decoder = self.decoder
        return {
            "width": decoder.width,
            "layers": decoder.layers,
            "heads": decoder.heads,
            "context": decoder.context,
            "vocabulary": decoder.vocabulary,
            "seed": self.seed,
            "batch_tokens": self.batch_tokens,
            "lr": self.lr,
            "lr_embedding": self.lr_embedding,
            "warmup_tokens": self.warmup_tokens,
            "decay_share": self.decay_share,
            "corpus": self.corpus,
            "device": self.device,
            "precision": self.precision,
            # Only what is on is named: runs without keep the identity they have always had.
            **({"qk_norm": True} if self.qk_norm else {}),
            **({"z_loss": self.z_loss} if self.z_loss else {}),
        }

    def run_config(self, tokens: int) -> dict[str, Any]:
        """The configuration of the run of this length; D counts bytes, which are this model's tokens."""
        return {**self.shared_config(), "D": tokens, "trunk": self.id}

    def run_id(self, tokens: int) -> str:
        """Identity of the run of this length."""
        return run_id(self.run_config(tokens))

    @property
    def id(self) -> str:
        """Identity of the trunk, whatever lengths branch off."""
        return run_id(self.shared_config())

    def to_dict(self) -> dict[str, Any]:
        """JSON form, as plans and workers exchange it."""
        decoder = {name: getattr(self.decoder, name) for name in ("width", "layers", "heads", "context", "vocabulary")}
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "decoder"}
        return {**fields, "tokens": list(self.tokens), "decoder": decoder}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> "Trunk":
        """The trunk that `to_dict` wrote. DocumentError where it is none."""
        return as_type(values, Trunk)
