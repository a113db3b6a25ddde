"""What all pictures look like."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BLUE", "DPI", "GREYS", "OCHRE", "new_figure"]

BLUE = "#2c6e8f"
"""Errors."""
OCHRE = "#c98a2b"
"""Coverage."""
GREYS = ("#b8b8b8", "#999999", "#777777", "#555555")
"""What a model stands beside."""
DPI = 110


def new_figure(width_in: float, height_in: float) -> "Figure":
    # Without pyplot there is no global state and no display to ask for.
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in), layout="constrained")
