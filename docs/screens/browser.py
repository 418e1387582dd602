"""Takes the picture of the full screen in a browser: `.venv/bin/python -m docs.screens.browser`."""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.cli.machine import Machine
from tests.web.serving import Server, Tab

PICTURE = Path(__file__).parent / "full-screen" / "browser.png"
SIZE = (900, 560)


def main() -> None:
    """Ask the demonstration something in Chromium, and keep what it looks like."""
    with TemporaryDirectory() as place:
        server = Server(Machine(Path(place)), "--model", "demo/assistant")
        tab = Tab(Path(place) / "chromium", SIZE)
        try:
            tab.open(server.invitation)
            tab.ready()
            tab.say("What is 17 * 23?")
            tab.appear("391", "session $0", "check")
            tab.value("new Promise(done => setTimeout(done, 3000))")
            PICTURE.write_bytes(tab.screenshot())
        finally:
            tab.close()
            server.close()


if __name__ == "__main__":
    main()
