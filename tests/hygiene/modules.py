"""Which modules a start of llmrepl has loaded, seen in a process of its own."""

import sys

OBSERVER = """if True:
    import atexit, sys

    file, mark, *args = sys.argv[1:]
    before = set(sys.modules)

    def tell():
        with open(file, "w") as told:
            told.write("\\n".join(sorted(set(sys.modules) - before)))

    class Watch:
        # It is asked for every module before that is imported.
        def find_spec(self, name, path, target=None):
            if name == mark:
                tell()

    if mark:
        sys.meta_path.insert(0, Watch())
    else:
        atexit.register(tell)
    sys.argv = ["llmrepl", *args]
    from llmrepl.__main__ import main

    sys.exit(main())
"""


class Observer:
    """Runs llmrepl, and tells what was loaded at its end, or before the module called `mark`.

    Args:
        machine: where it runs.
        mark: a module's name, or nothing for the end.
    """

    def __init__(self, machine, mark=""):
        self._file = machine.root / "loaded"
        self._machine = machine
        self.command = (sys.executable, "-c", OBSERVER, str(self._file), mark)

    def run(self, *args):
        """Return what `llmrepl ARGS` has loaded when it ends."""
        ran = self._machine.run(*args, command=self.command)
        assert ran.code == 0, ran
        return self.loaded

    @property
    def loaded(self):
        """The modules' names."""
        return set(self._file.read_text().split())


def foreign(modules):
    """Return the top-level names that are neither ours nor of Python's own library."""
    tops = {name.partition(".")[0] for name in modules}
    return tops - set(sys.stdlib_module_names) - {"llmrepl"}


def ours(modules):
    """Return the packages of llmrepl among `modules`."""
    return {name.split(".")[1] for name in modules if name.startswith("llmrepl.")}
