"""Which keys the full screen has: what its widgets and screens bind."""

from functools import cache
from importlib import import_module
from pkgutil import walk_packages

from textual.binding import Binding
from textual.dom import DOMNode

import llmrepl_textual


@cache
def bound():
    """Return each class that binds keys of its own, with its bindings."""
    for module in walk_packages(llmrepl_textual.__path__, "llmrepl_textual."):
        if not module.name.startswith("llmrepl_textual.tests"):
            import_module(module.name)
    return {kind: made for kind in _kinds(DOMNode) if (made := _own(kind))}


def _kinds(kind):
    for each in kind.__subclasses__():
        if each.__module__.startswith("llmrepl_textual.") and ".tests." not in each.__module__:
            yield each
        yield from _kinds(each)


def _own(kind):
    return [each for each in vars(kind).get("BINDINGS", ()) if isinstance(each, Binding)]
