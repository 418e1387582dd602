"""The menu of what can stand at the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from llmrepl.conversing.drafting.offers import Offer
from llmrepl.sanitise import clean


class Menu(OptionList, can_focus=False):
    """Rows to choose from, above the prompt."""

    DEFAULT_CSS = """
    Menu {
        display: none;
        height: auto;
        max-height: 8;
        border: none;
        padding: 0 2;
        scrollbar-size-vertical: 1;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    Menu.open { display: block; }
    """

    def __init__(self) -> None:
        super().__init__(id="menu")
        self.offers: list[Offer] = []

    @property
    def is_open(self) -> bool:
        """Whether there is something to choose."""
        return bool(self.offers)

    @property
    def chosen(self) -> Offer | None:
        """The row that is chosen, if one is."""
        return None if self.highlighted is None else self.offers[self.highlighted]

    def offer(self, offers: Sequence[Offer]) -> None:
        """Show rows, none of which is chosen; without any, the menu closes."""
        self.offers = list(offers)
        self.clear_options()
        widest = max((len(offer.shown) for offer in offers), default=0)
        for offer in offers:
            row = Text(clean(offer.shown).ljust(min(widest, 40)), no_wrap=True)
            row.append(f"  {clean(offer.about)}", "dim")
            self.add_option(Option(row))
        self.highlighted = None
        self.set_class(self.is_open, "open")

    def step(self, by: int) -> Offer | None:
        """Choose the next row, or the one before; return it."""
        if not self.offers:
            return None
        at = self.highlighted
        if at is None:
            at = -1 if by > 0 else 0
        self.highlighted = (at + by) % len(self.offers)
        return self.chosen
