"""Networks of convolutions: a residual network of images, and the U-Net of latent diffusion.

A position is an image, and the context is 1. A convolution is a matmul with channels × kernel area as inputs, on as
many positions as its output has places. It keeps each place of its input once, however many windows it is in: an
elementwise operator before it keeps that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from froude.cost.model.model import Model
from froude.cost.model.operators import Attention, Block, Elementwise, Matmul, Operator

GROUP = "convolution"


def convnet(*, name: str, stages: Sequence[int], width: int, image: int, classes: int, channels: int) -> Model:
    """A residual network of bottleneck blocks, `stages` of them at a time, as ResNet-50 with (3, 4, 6, 3).

    The first stage works with `width` channels on (image / 4)² places; each later one with twice the channels and
    half the side. A block widens to four times its channels. The stride is in its 3 × 3 convolution. He et al. 2015,
    arXiv:1512.03385; the stride as in torchvision.
    """
    side = image // 4
    stem = (
        _input(channels, image),
        *_normed_convolution(channels, width, 7, image // 2),
        Elementwise(name="pool", moved=width * ((image // 2) ** 2 + side**2), saved=width * side**2),
    )
    blocks: list[Block] = []
    arriving = width
    for i, count in enumerate(stages):
        inner = width * 2**i
        first = _bottleneck(arriving, inner, side // 2**i, stride=2 if i else 1)
        arriving = 4 * inner
        blocks.append(Block(name=f"stage{i + 1}.first", count=1, operators=first))
        rest = _bottleneck(arriving, inner, side // 2**i)
        blocks.append(Block(name=f"stage{i + 1}", count=count - 1, operators=rest))
    return _image_model(
        name=name,
        hidden=arriving,
        heads=1,
        vocabulary=classes,
        embedding=stem,
        blocks=tuple(blocks),
        head=(Matmul(name="head", inputs=arriving, outputs=classes, biased=True),),
    )


def unet(
    *,
    name: str,
    image: int,
    width: int,
    multipliers: Sequence[int],
    attended: int,
    heads: int,
    condition_width: int,
    condition_length: int,
    depth: int,
    channels: int,
    calls: int,
) -> Model:
    """The U-Net of latent diffusion on `image`² places: `depth` residual blocks a level, down, through the middle, up.

    Level i works with `width` · multipliers[i] channels on half the side of the level above. The first `attended`
    levels and the middle have a transformer after each residual block, which also attends to `condition_length` tokens
    of `condition_width`. A sample takes `calls` evaluations, twice as many with guidance. Rombach et al. 2021,
    arXiv:2112.10752.
    """
    net = _UNet(width, heads, condition_width, condition_length)
    sides = [image // 2**i for i in range(len(multipliers))]
    widths = [width * m for m in multipliers]
    blocks: list[Block] = []
    skips = [width]
    arriving = width
    for i, (side, outputs) in enumerate(zip(sides, widths, strict=True)):
        for _ in range(depth):
            blocks.append(net.level(f"down{i + 1}", arriving, outputs, side, attends=i < attended))
            arriving = outputs
            skips.append(arriving)
        if i + 1 < len(widths):
            blocks.append(
                Block(name=f"down{i + 1}.halve", count=1, operators=net.resample(outputs, side, sides[i + 1]))
            )
            skips.append(arriving)
    blocks += [net.level("middle", arriving, arriving, sides[-1], attends=attends) for attends in (True, False)]
    for i in reversed(range(len(widths))):
        for _ in range(depth + 1):
            blocks.append(net.level(f"up{i + 1}", arriving + skips.pop(), widths[i], sides[i], attends=i < attended))
            arriving = widths[i]
        if i:
            blocks.append(
                Block(name=f"up{i + 1}.double", count=1, operators=net.resample(arriving, sides[i - 1], sides[i - 1]))
            )
    return _image_model(
        name=name,
        hidden=width,
        heads=heads,
        vocabulary=0,
        embedding=(
            _input(channels, image),
            _convolution(channels, width, 3, image, biased=True),
            *net.step(),
        ),
        blocks=tuple(blocks),
        head=(*_group_norm(width, image), _convolution(width, channels, 3, image, biased=True)),
        calls=calls,
    )


class _UNet:
    """The parts of a U-Net of a width."""

    def __init__(self, width: int, heads: int, condition_width: int, condition_length: int) -> None:
        self.width, self.heads = width, heads
        self.condition_width, self.condition_length = condition_width, condition_length

    def step(self) -> Iterator[Operator]:
        """Two matrices from the sines of a diffusion step to what residual blocks read."""
        yield Matmul(name="condition.step", inputs=self.width, outputs=4 * self.width, biased=True)
        yield Matmul(name="condition.step", inputs=4 * self.width, outputs=4 * self.width, biased=True)

    def level(self, name: str, inputs: int, outputs: int, side: int, *, attends: bool) -> Block:
        """A residual block from some channels to others, and a transformer after it."""
        operators = (*self.residual(inputs, outputs, side), *(self.transformer(outputs, side) if attends else ()))
        return Block(name=name, count=1, operators=operators)

    def residual(self, inputs: int, outputs: int, side: int) -> Iterator[Operator]:
        """Two normed convolutions with the step added between, and a 1 × 1 one beside where channels change."""
        yield from _group_norm(inputs, side)
        yield _convolution(inputs, outputs, 3, side, biased=True)
        yield Matmul(name="condition.step", inputs=4 * self.width, outputs=outputs, biased=True)
        yield from _group_norm(outputs, side)
        yield _convolution(outputs, outputs, 3, side, biased=True)
        if inputs != outputs:
            yield Elementwise(name="shortcut", moved=0, saved=inputs * side**2)
            yield _convolution(inputs, outputs, 1, side, biased=True)
        yield Elementwise(name="residual", moved=3 * outputs * side**2)

    def transformer(self, hidden: int, side: int) -> Iterator[Operator]:
        """Attention among places, attention to the condition, a gated MLP; a 1 × 1 convolution before and after."""
        places = side**2
        norm = Elementwise(name="norm", moved=2 * hidden * places, saved=hidden * places, parameters=2 * hidden)
        added = Elementwise(name="residual", moved=3 * hidden * places)
        yield norm
        yield _linear("attention.project", hidden, hidden, places, biased=True)
        yield norm
        yield _linear("attention.in", hidden, 3 * hidden, places)
        yield self._scores("attention.scores", hidden, places, places)
        yield _linear("attention.out", hidden, hidden, places, biased=True)
        yield from (added, norm)
        yield _linear("attention.query", hidden, hidden, places)
        yield _linear("attention.condition", self.condition_width, 2 * hidden, self.condition_length)
        yield self._scores("attention.cross", hidden, places, self.condition_length)
        yield _linear("attention.out", hidden, hidden, places, biased=True)
        yield from (added, norm)
        yield _linear("mlp.in", hidden, 8 * hidden, places, biased=True)
        yield Elementwise(name="activation", moved=12 * hidden * places, saved=8 * hidden * places, split=True)
        yield _linear("mlp.out", 4 * hidden, hidden, places, biased=True)
        yield added
        yield _linear("attention.project", hidden, hidden, places, biased=True)
        yield added

    def resample(self, width: int, read: int, side: int) -> tuple[Operator, ...]:
        """A 3 × 3 convolution that reads one side and writes another: halved by its stride, or doubled before it."""
        scaling = Elementwise(name="resample", moved=2 * width * read**2, saved=width * read**2)
        return scaling, _convolution(width, width, 3, side, biased=True)

    def _scores(self, name: str, hidden: int, queries: int, keys: int) -> Attention:
        """All places of an image at once: as many heads as there are heads and places."""
        width = hidden // self.heads
        return Attention(
            name=name,
            heads=self.heads * queries,
            kv_heads=self.heads * keys,
            score_width=width,
            value_width=width,
            cached=0,
            causal=False,
            exponent=0.0,
            scale=keys,
        )


def _image_model(
    *,
    name: str,
    hidden: int,
    heads: int,
    vocabulary: int,
    embedding: tuple[Operator, ...],
    blocks: tuple[Block, ...],
    head: tuple[Operator, ...],
    calls: int = 1,
) -> Model:
    return Model(
        name=name,
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        vocabulary=vocabulary,
        context=1,
        embedding=embedding,
        blocks=tuple(block for block in blocks if block.count),
        head=head,
        calls=calls,
    )


def _input(channels: int, side: int) -> Elementwise:
    return Elementwise(name="input", moved=channels * side**2, saved=channels * side**2)


def _linear(name: str, inputs: int, outputs: int, places: int, *, biased: bool = False) -> Matmul:
    return Matmul(name=name, inputs=inputs, outputs=outputs, positions=places, biased=biased)


def _convolution(inputs: int, outputs: int, kernel: int, side: int, *, biased: bool = False) -> Matmul:
    """A square kernel on side² places of its output."""
    return Matmul(
        name=f"{GROUP}.{kernel}x{kernel}",
        inputs=inputs * kernel**2,
        outputs=outputs,
        positions=side**2,
        biased=biased,
        saves_input=False,
    )


def _normed_convolution(inputs: int, outputs: int, kernel: int, side: int) -> Iterator[Operator]:
    """A convolution, batch norm with gain and bias, and a rectifier, whose output the next convolution reads."""
    places = outputs * side**2
    yield _convolution(inputs, outputs, kernel, side)
    yield Elementwise(name="norm", moved=2 * places, saved=places, parameters=2 * outputs)
    yield Elementwise(name="activation", moved=2 * places, saved=places)


def _group_norm(width: int, side: int) -> Iterator[Operator]:
    """Group norm with gain and bias, and a smooth activation: the inputs of both are kept, and the output."""
    places = width * side**2
    yield Elementwise(name="norm", moved=2 * places, saved=places, parameters=2 * width)
    yield Elementwise(name="activation", moved=2 * places, saved=2 * places)


def _bottleneck(inputs: int, inner: int, side: int, stride: int = 1) -> tuple[Operator, ...]:
    """1 × 1, 3 × 3 with the stride, 1 × 1 to four times the channels, and a shortcut, projected where sizes change."""
    outputs = 4 * inner
    places = outputs * side**2
    norm = Elementwise(name="norm", moved=2 * places, saved=places, parameters=2 * outputs)
    shortcut = (_convolution(inputs, outputs, 1, side), norm) if inputs != outputs else ()
    return (
        *_normed_convolution(inputs, inner, 1, side * stride),
        *_normed_convolution(inner, inner, 3, side),
        _convolution(inner, outputs, 1, side),
        norm,
        *shortcut,
        Elementwise(name="residual", moved=3 * places),
        Elementwise(name="activation", moved=2 * places, saved=places),
    )
