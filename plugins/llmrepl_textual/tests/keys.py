"""Which keys tests press, as `keys.txt` has them: for each key, a test in which it does something.

A test that does not press what the file says of it fails. UPDATE_KEYS=1 adds what is not there.
"""

import os
from pathlib import Path
from typing import ClassVar

from llmrepl.config.actions import ACTIONS
from llmrepl_textual.app import FullScreen
from llmrepl_textual.prompt.presses import textual
from llmrepl_textual.tests.bindings import bound

FILE = Path(__file__).with_name("keys.txt")
PROMPT = "Prompt"


class Watched(FullScreen):
    """The application, which notes the keys that do something."""

    pressed: ClassVar = set()
    key = ""

    async def _check_bindings(self, key, priority=False):
        self.key = key
        return await super()._check_bindings(key, priority)

    async def run_action(self, action, default_namespace=None, namespaces=None):
        done = await super().run_action(action, default_namespace, namespaces)
        if done and default_namespace is not None:
            self.pressed |= {f"{kind} {self.key}" for kind in owners(default_namespace, self.key)}
        return done

    def watch_prompt(self, presses):
        """Note what keys do in the prompt."""
        press = presses.press

        def noted(key):
            begun = presses._begun
            done = press(key)
            if done:
                self.pressed |= {f"{PROMPT} {key}", f"{PROMPT} {' '.join((*begun, key))}"}
            return done

        presses.press = noted


def owners(node, key):
    """Yield the classes whose bindings of a key a node has."""
    for kind in type(node).__mro__:
        if any(key in binding.key.split(",") for binding in bound().get(kind, ())):
            yield kind.__name__.removeprefix("Watched")
            return


def every():
    """Return every key of the full screen: a class that binds it, and what Textual calls it."""
    found = [
        f"{kind.__name__} {key}"
        for kind, bindings in bound().items()
        for binding in bindings
        for key in binding.key.split(",")
    ]
    prompt = [f"{PROMPT} {' '.join(textual(key))}" for action in ACTIONS for key in action.emacs]
    return [*found, *prompt]


def claimed():
    """Return the test that presses each key, by that key, as the file has it."""
    rows = (line.partition(": ") for line in FILE.read_text("utf-8").splitlines())
    return {key: test for key, _, test in rows}


def check(name, pressed):
    """Assert that a test has pressed what the file says of it."""
    known = claimed()
    if os.environ.get("UPDATE_KEYS"):
        with FILE.open("a", encoding="utf-8") as file:
            file.writelines(
                f"{key}: {name}\n" for key in every() if key in pressed and key not in known
            )
        return
    missing = {key for key, test in known.items() if test == name} - pressed
    assert not missing, f"{name} no longer presses {sorted(missing)}; UPDATE_KEYS=1 finds others"
