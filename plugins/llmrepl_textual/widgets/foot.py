"""The keys at the foot of a screen, in one row and one widget.

Textual's own has a widget for each key, and makes them anew whenever the focus moves: that takes as
long as all else that a screen shows at first.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from rich.segment import Segment
from textual import events
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

NONE = -1


class Key(NamedTuple):
    """A key that does something now: where it stands, and what it is for."""

    begins: int
    name: str
    shown: str
    told: str
    enabled: bool
    tip: str

    @property
    def ends(self) -> int:
        """The column behind it."""
        return self.begins + len(self.shown) + len(self.told)


class Foot(Widget):
    """What keys do on this screen; a click does it, and the wheel shows those that have no room."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"foot--key", "foot--told", "foot--under", "foot--off"}
    DEFAULT_CSS = """
    Foot {
        dock: bottom;
        height: 1;
        color: $footer-foreground;
        background: $footer-background;
        .foot--key {
            color: $footer-key-foreground;
            background: $footer-key-background;
            text-style: bold;
        }
        .foot--told {
            color: $footer-description-foreground;
            background: $footer-description-background;
        }
        .foot--under { color: $footer-key-foreground; background: $block-hover-background; }
        .foot--off { text-style: dim; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[Key] = []
        self._under = NONE  # the key that the mouse is over
        self._left = 0  # cells that were scrolled away

    def on_mount(self) -> None:
        """Follow what keys do."""
        self.screen.bindings_updated_signal.subscribe(self, self._follow)

    def _follow(self, screen: Screen[object]) -> None:
        if not (screen.app.app_focus and self.is_attached and screen is self.screen):
            return
        keys: dict[str, Key] = {}
        column = 0
        for _, binding, enabled, tip in screen.active_bindings.values():
            if binding.show and binding.action not in keys:
                shown, told = f" {self.app.get_key_display(binding)} ", f"{binding.description} "
                key = Key(column, binding.key, shown, told, enabled, tip)
                keys[binding.action], column = key, key.ends
        if self._keys != [*keys.values()]:
            self._keys, self._under = [*keys.values()], NONE
            self._scroll(0)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return the row."""
        del y
        style = self.get_component_rich_style
        key_style, told_style, plain = style("foot--key"), style("foot--told"), self.rich_style
        segments = []
        for at, (_, _, shown, told, enabled, _) in enumerate(self._keys):
            over = style("foot--under") if at == self._under else None
            off = None if enabled else style("foot--off")
            segments += [
                Segment(shown, key_style + over + off),
                Segment(told, told_style + over + off),
            ]
        return Strip(segments).crop_extend(self._left, self._left + self.size.width, plain)

    def _at(self, x: int) -> int:
        """Return which key stands in a column of what is seen."""
        column = x + self._left
        found = (at for at, key in enumerate(self._keys) if key.begins <= column < key.ends)
        return next(found, NONE)

    def _scroll(self, by: int) -> None:
        ends = self._keys[-1].ends if self._keys else 0
        left = max(0, min(self._left + by, ends - self.size.width))
        if left != self._left:
            self._left = left
            self.refresh()

    def on_resize(self) -> None:
        """Show as many as there is room for."""
        self._scroll(0)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Do what the key does."""
        at = self._at(event.x)
        if at == NONE:
            return
        if self._keys[at].enabled:
            self.app.simulate_key(self._keys[at].name)
        else:
            self.app.bell()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show which key a click is for, and what it does."""
        self._point(self._at(event.x))

    def on_leave(self) -> None:
        """Show that it is for none."""
        self._point(NONE)

    def _point(self, at: int) -> None:
        if at != self._under:
            self._under = at
            self.tooltip = self._keys[at].tip or None if at != NONE else None
            self.refresh()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Show those to the right."""
        event.stop()
        self._scroll(4)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Show those to the left."""
        event.stop()
        self._scroll(-4)
