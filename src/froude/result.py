"""What public functions return shows itself: in a line or a table, in a notebook, as a dictionary, as a picture.

A result stands in a room below the answers that are made of it, so it cannot import them. The package's own file names
what shows results (`show_results_by`), and that is imported when one is first shown.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def read_only(mapping: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    """The mapping as frozen results hold one."""
    return MappingProxyType(mapping)


# Neither pickle nor copy.deepcopy knows how to make the read-only mappings that frozen results hold.
copyreg.pickle(MappingProxyType, lambda mapping: (read_only, (dict(mapping),)))


class Faces(NamedTuple):
    """What shows any result: each takes the result, `draw` also the Matplotlib axes to draw into, or None for new."""

    brief: Callable[[Any], str]
    html: Callable[[Any], str]
    summary: Callable[[Any], str]
    to_dict: Callable[[Any], Any]
    draw: Callable[..., Any]


_faces: list[Callable[[], Faces]] = []


def show_results_by(faces: Callable[[], Faces]) -> None:
    """Name what shows results; it is called, and imports what it needs, whenever one is shown."""
    _faces[:] = [faces]


class Result:
    """What a public function of froude returns.

    Printed, or at the end of a cell of a notebook, it is a short table; `summary` is all that there is to say.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return _faces[0]().brief(self)

    def _repr_html_(self) -> str:
        return _faces[0]().html(self)

    def summary(self) -> str:
        """All that is said of the result, as the terminal shows it, 100 columns wide."""
        return _faces[0]().summary(self)

    def to_dict(self) -> Any:
        """The result as JSON has it: what the command of the same name prints with `--json`."""
        return _faces[0]().to_dict(self)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """The result drawn into Matplotlib's axes `ax`, by default new ones, which are returned.

        `froude.drawing.draw` says what the options are. InputError where a result of this kind has no picture.
        """
        return _faces[0]().draw(self, ax, **options)
