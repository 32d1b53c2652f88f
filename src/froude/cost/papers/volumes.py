"""Residual U-Nets of volumes: every stage as many blocks deep as a family's depth, and as wide as its width says.

STU-Net (Huang et al. 2023, arXiv:2304.06716) grows both together. A position is a volume, and the context is 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from froude.cost.model.families.convolutions import GROUP
from froude.cost.model.model import Model
from froude.cost.model.operators import Block, Elementwise, Matmul, Operator

STAGES = (1, 2, 4, 8, 16, 16)
"""Channels of the stages over those of the first."""


def volume_unet(
    *, name: str, side: int, width: int, depth: int, classes: int, channels: int = 1, stages: Sequence[int] = STAGES
) -> Model:
    """A U-Net of side³ places with `depth` residual blocks a stage, the first `width` channels wide, down and up again.

    A block has two 3 × 3 × 3 convolutions with instance norms, and a 1 × 1 × 1 one beside where it begins a stage. The
    way up repeats places and narrows channels by 1 × 1 × 1, then takes what was kept on the way down beside; each of
    its stages has a head of the classes, as deep supervision asks for.
    """
    widths = [width * factor for factor in stages]
    sides = [side // 2**i for i in range(len(widths))]
    blocks, arriving = [], channels
    for i, (outputs, places) in enumerate(zip(widths, sides, strict=True)):
        blocks.append(Block(name=f"down{i + 1}", count=1, operators=tuple(_stage(arriving, outputs, places, depth))))
        arriving = outputs
    for i in reversed(range(len(widths) - 1)):
        operators = (
            _convolution(arriving, widths[i], 1, sides[i]),
            *_stage(2 * widths[i], widths[i], sides[i], depth),
            _convolution(widths[i], classes, 1, sides[i]),
        )
        blocks.append(Block(name=f"up{i + 1}", count=1, operators=operators))
        arriving = widths[i]
    image = Elementwise(name="input", moved=channels * side**3, saved=channels * side**3)
    return Model(
        name=name,
        hidden=width,
        heads=1,
        kv_heads=1,
        vocabulary=0,
        context=1,
        embedding=(image,),
        blocks=tuple(blocks),
        head=(),
    )


def _stage(inputs: int, outputs: int, side: int, depth: int) -> Iterator[Operator]:
    """Residual blocks one behind another, of which the first changes channels."""
    for i in range(depth):
        arriving = outputs if i else inputs
        yield from _convolution_and_norm(arriving, outputs, side)
        yield from _convolution_and_norm(outputs, outputs, side)
        if not i:
            yield _convolution(arriving, outputs, 1, side)
        yield Elementwise(name="residual", moved=3 * outputs * side**3)


def _convolution_and_norm(inputs: int, outputs: int, side: int) -> Iterator[Operator]:
    """A 3 × 3 × 3 convolution, an instance norm with gain and bias, and a rectifier."""
    places = outputs * side**3
    yield _convolution(inputs, outputs, 3, side)
    yield Elementwise(name="norm", moved=2 * places, saved=places, parameters=2 * outputs)
    yield Elementwise(name="activation", moved=2 * places, saved=places)


def _convolution(inputs: int, outputs: int, kernel: int, side: int) -> Matmul:
    """A cubic kernel with a bias on side³ places of its output."""
    name = f"{GROUP}.{kernel}x{kernel}x{kernel}"
    return Matmul(
        name=name, inputs=inputs * kernel**3, outputs=outputs, positions=side**3, biased=True, saves_input=False
    )
