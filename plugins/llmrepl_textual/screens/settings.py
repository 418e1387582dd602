"""The settings: the configuration, the rules, what is installed, and whether all of it works."""

from __future__ import annotations

from collections.abc import Sequence

from llmrepl_textual.panes import Pane, Panes
from llmrepl_textual.settings.configuration import Configuration
from llmrepl_textual.settings.health import Health
from llmrepl_textual.settings.installed import Installed
from llmrepl_textual.settings.permissions import Permissions


class Settings(Panes):
    """The settings' screen."""

    def panes(self) -> Sequence[Pane]:
        """Return the panes, new."""
        desk = self.desk
        return Configuration(desk), Permissions(desk), Installed(desk), Health(desk)
