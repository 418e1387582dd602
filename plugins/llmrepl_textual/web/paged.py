"""The application as a page shows it: it tells the server which session is open."""

from __future__ import annotations

from llmrepl.errors import LlmreplError
from llmrepl_textual.app import FullScreen
from llmrepl_textual.web.driver import PageDriver


class Paged(FullScreen):
    """The full screen in a page."""

    def on_mount(self) -> None:
        """Tell the session as soon as it is open, and whenever the chat goes on in another."""
        self.desk.on_move(self._tell)
        self.run_worker(self._opened(), exit_on_error=False)

    async def _opened(self) -> None:
        try:
            await self.desk.ready()
        except LlmreplError:
            return  # the screens say it
        self._tell()

    def _tell(self) -> None:
        assembly, driver = self.desk.assembly, self._driver
        if assembly is not None and isinstance(driver, PageDriver):
            driver.write_meta({"type": "session", "id": assembly.session_id})
