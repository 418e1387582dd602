"""A scroll bar that is drawn anew only where it looks different."""

from __future__ import annotations

from math import ceil

from textual.geometry import Region
from textual.scrollbar import ScrollBar
from textual.strip import Strip

EIGHTHS = 8
"""Steps in which a vertical bar moves, of a cell."""


class Bar(ScrollBar):
    """A vertical bar: in a session of thousands of rows, most of them do not move it."""

    _look: object = None
    _strips: list[Strip]

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the rows of a part of it."""
        bare = self.grabbed is not None, self.mouse_over, self.app.theme
        look = (crop, self.size, self._thumb, *bare)
        if look != self._look:
            self._look, self._strips = look, super().render_lines(crop)
        return self._strips

    @property
    def _thumb(self) -> tuple[int, int]:
        """Where what can be dragged begins and how high it is, as `ScrollBarRender` has it."""
        height, all_rows, seen = self.size.height, self.window_virtual_size, self.window_size
        if not height or not 0 < seen < all_rows:
            return 0, 0
        high = max(1.0, seen * height / all_rows)
        begins = (height - high) * self.position / (all_rows - seen)
        return int(begins * EIGHTHS), ceil(high * EIGHTHS)
