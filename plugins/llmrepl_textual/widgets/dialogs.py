"""Small questions above a screen: a text, one of several answers, one of several things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from llmrepl.sanitise import clean

BETWEEN = " · "


class Dialog(ModalScreen[str]):
    """Asks something; it ends with the answer, "" where there is none.

    Args:
        title: what is asked.
        told: lines that a person should know.
    """

    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > Vertical {
        width: 90%; max-width: 90; height: auto; max-height: 90%;
        border: round $primary; padding: 0 1; background: $background;
    }
    Dialog .title { text-style: bold; height: auto; }
    Dialog .told { height: auto; max-height: 12; }
    Dialog .keys { height: auto; text-style: dim; }
    Dialog Input, Dialog OptionList { margin: 1 0; }
    Dialog OptionList { height: auto; max-height: 12; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "Back", priority=True)]

    KEYS: ClassVar[str] = "Esc goes back"

    def __init__(self, title: str, told: Sequence[str] = ()) -> None:
        super().__init__()
        self._title = title
        self._told = told

    def compose(self) -> ComposeResult:
        """Yield the question."""
        with Vertical():
            yield Static(clean(self._title), classes="title", markup=False)
            if self._told:
                yield Static(clean("\n".join(self._told)), classes="told", markup=False)
            yield from self.asked()
            yield Static(BETWEEN.join(self.keys()), classes="keys", markup=False)

    def asked(self) -> ComposeResult:
        """Yield what takes the answer."""
        yield from ()

    def keys(self) -> Sequence[str]:
        """Return which keys there are; the last goes back."""
        return (self.KEYS,)

    def on_click(self, event: events.Click) -> None:
        """Take a click on what a key does as that key."""
        keys = self.query_one(".keys", Static)
        place = event.get_content_offset(keys)
        if place is None or place.y:
            return
        end = 0
        for told in self.keys():
            end += len(told) + len(BETWEEN)
            if place.x < end:
                self.meant(told)
                return

    def meant(self, told: str) -> None:
        """Do what was clicked, one of `keys`; nothing, where that could lose what was typed."""

    def action_give_up(self) -> None:
        """End without an answer."""
        self.dismiss("")


class Ask(Dialog):
    """Asks for a text.

    Args:
        title: what is asked.
        told: lines that a person should know.
        value: what stands there at first.
        empty: what is shown where nothing stands there.
    """

    KEYS = "Enter takes it, Esc goes back"

    def __init__(
        self, title: str, told: Sequence[str] = (), *, value: str = "", empty: str = ""
    ) -> None:
        super().__init__(title, told)
        self._value = value
        self._empty = empty

    def asked(self) -> ComposeResult:
        """Yield the line."""
        yield Input(self._value, placeholder=self._empty, select_on_focus=False, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """End with what is there; it has a space before it, so that nothing is an answer too."""
        event.stop()
        self.dismiss(f" {event.value}")


class Confirm(Dialog):
    """Asks for one of several answers, each of which is a key.

    Args:
        title: what is asked.
        told: lines that a person should know.
        answers: what each key means.
    """

    def __init__(self, title: str, told: Sequence[str], answers: Mapping[str, str]) -> None:
        super().__init__(title, told)
        self._answers = answers

    def keys(self) -> Sequence[str]:
        """Return the answers, and what goes back."""
        shown = [f"{key}: {meaning}" for key, meaning in self._answers.items()]
        return (*shown, self.KEYS)

    def meant(self, told: str) -> None:
        """End with the answer that was clicked."""
        answer, _, meaning = told.partition(": ")
        if self._answers.get(answer) == meaning:
            self.dismiss(answer)
        else:
            self.action_give_up()

    def on_key(self, event: events.Key) -> None:
        """End where the key is an answer."""
        if event.character in self._answers:
            event.stop()
            self.dismiss(event.character)


class Pick(Dialog):
    """Asks for one of several things.

    Args:
        title: what is asked.
        things: what each name stands for.
    """

    KEYS = "Enter takes one, Esc goes back"

    def __init__(self, title: str, things: Mapping[str, str]) -> None:
        super().__init__(title)
        self._things = things

    def asked(self) -> ComposeResult:
        """Yield the things."""
        width = max(map(len, self._things))
        options = [
            Option(f"{name:{width}}  {what}", id=name) for name, what in self._things.items()
        ]
        yield OptionList(*options, markup=False, compact=True)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """End with one."""
        event.stop()
        self.dismiss(event.option_id or "")
