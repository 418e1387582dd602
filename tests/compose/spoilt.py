"""A chat whose usage database is spoilt, until it has said so, and a little longer.

As a process of its own, on a file system of its own: the argument is the home.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from llmrepl.compose import assemble
from llmrepl.config import load
from llmrepl.events import NoteAdded
from llmrepl.parts import Text
from llmrepl.testing import ModelServer

LONGEST = 30.0


def story(home, *, filling=None):
    """Return how the turns ended, and what the person was told."""
    return asyncio.run(_story(home, filling))


async def _story(home, filling):
    with ModelServer(["Yes."] * 2000) as server:
        environ = {"HOME": str(home), "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"{server.url}/v1"}
        settings = home / ".config" / "llmrepl" / "config.toml"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(f'[providers.openai]\nbase_url = "{server.url}/v1"\n')
        config = load({"model": "openai/test:latest", "sessions.save": False}, environ, home).config
        assembly = await assemble(config, environ=environ, cwd=home)
        reasons, until = [], time.monotonic() + LONGEST
        records = assembly.unsaved.records

        def told():
            return [record.event.text for record in records if isinstance(record.event, NoteAdded)]

        async def turn():
            reasons.append(await assembly.runtime.turn((Text("Is it?"),)))

        while not told() and time.monotonic() < until:
            if filling:
                filling()
            await turn()
            await asyncio.sleep(0.02)
        for _ in range(3):
            await turn()
        await assembly.close()
        return {"reasons": sorted(set(reasons)), "told": told()}


def _filled(home):
    """Fill the disk, but for what a log of nothing takes."""

    def fill():
        with (home / "ballast").open("ab", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass

    return fill


if __name__ == "__main__":
    place = Path(sys.argv[1])
    full = _filled(place / ".local" / "state") if "full" in sys.argv else None
    sys.stdout.write(json.dumps(story(place, filling=full)))
