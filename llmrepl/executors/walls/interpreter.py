"""Which Python runs the blocks, found without running anything that lies in the project.

A virtual environment in a project is the project's code; so an interpreter is judged by where its
links lead and what lies beside it, and only programs from elsewhere are ever asked.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from llmrepl.errors import ConfigError, SandboxUnavailable
from llmrepl.executors.place import home_of, too_broad

MAX_LINKS = 40
ASK_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python and everything the sandbox must show for it to work.

    `directories` are shown read-only; `links` are (target, path) of symbolic links that lie on the
    way to it and outside of them; `environment` is the virtual environment it belongs to, or None;
    `sites` are directories of packages that it does not find by itself.
    """

    path: Path
    directories: tuple[Path, ...]
    links: tuple[tuple[str, str], ...]
    environment: Path | None = None
    sites: tuple[Path, ...] = ()


def find(asked: str, project: Path | None, environ: Mapping[str, str]) -> Interpreter:
    """Return the first usable interpreter of those a person would expect.

    Raises:
        ConfigError: `asked` is given and is no usable Python.
        SandboxUnavailable: there is none at all.
    """
    home = home_of(environ)
    if asked:
        path = Path(asked).expanduser().absolute()
        found = _inspect(path, project, home, environ)
        if found is None:
            raise ConfigError(
                f"{asked} is not a Python that the sandbox can show",
                hint="--python takes an interpreter (3.8 or newer) or a virtual environment",
            )
        return found
    for path in _candidates(project, environ):
        found = _inspect(path, project, home, environ)
        if found is not None:
            return found
    raise SandboxUnavailable(
        "no Python was found to run blocks with",
        hint="install Python 3.8 or newer, or set sandbox.python to one",
    )


def _candidates(project: Path | None, environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("VIRTUAL_ENV"):
        yield Path(environ["VIRTUAL_ENV"]).absolute()
    if project is not None:
        yield project / ".venv"
    for directory in outside(environ.get("PATH", os.defpath), project):
        yield directory / "python3"
    yield Path(sys.executable)


def outside(search: str, project: Path | None) -> Iterator[Path]:
    """Yield the directories of a PATH that are absolute and not in the project."""
    for entry in search.split(os.pathsep):
        directory = Path(entry)
        if not directory.is_absolute():
            continue
        if project is None or not directory.resolve().is_relative_to(project):
            yield directory


def _inspect(
    path: Path, project: Path | None, home: Path, environ: Mapping[str, str], *, ask: bool = True
) -> Interpreter | None:
    if os.path.isdir(path):  # Path.is_dir raises where a directory above cannot be entered
        path = path / "bin" / "python"
    if not os.access(path, os.X_OK) or os.path.isdir(path):
        return None
    links: dict[str, str] = {}
    real = _follow(path, links)
    environment = path.parent.parent if (path.parent.parent / "pyvenv.cfg").is_file() else None
    bases = [real.parent.parent]
    if environment is not None:
        stated = _home_key(environment / "pyvenv.cfg")
        if stated is not None:
            bases.append(_follow(stated, links).parent)
    prefixes = [base for base in dict.fromkeys(bases) if _is_prefix(base)]
    if not prefixes or not real.name.startswith("python"):
        answer = _ask(path, project, environ) if ask else None
        return _inspect(answer, project, home, environ, ask=False) if answer is not None else None
    directories = prefixes
    if environment is not None:
        directories = [*prefixes, _follow(environment, links)]
    if any(_hides(directory, home, project) for directory in directories):
        return None
    sites = () if environment is not None else tuple(_user_sites(home))
    return Interpreter(
        path,
        tuple(directories),
        tuple((target, link) for link, target in links.items()),
        environment,
        sites,
    )


def _hides(directory: Path, home: Path, project: Path | None) -> bool:
    """Say whether showing `directory` would show more than a Python."""
    system = directory.is_relative_to("/usr")
    return directory != project and not system and bool(too_broad(directory.resolve(), home))


def _follow(path: Path, links: dict[str, str]) -> Path:
    """Return the real path, noting each symbolic link on the way in `links`."""
    done = Path("/")
    left = list(path.absolute().parts[1:])
    for _ in range(MAX_LINKS * 10):
        if not left:
            break
        step = done / left.pop(0)
        if step.name == "..":
            done = done.parent
        elif step.is_symlink():
            target = os.readlink(step)
            links[str(step)] = target
            parts = Path(target).parts
            if Path(target).is_absolute():
                done, parts = Path("/"), parts[1:]
            left = [*parts, *left]
        else:
            done = step
    return done


def _is_prefix(directory: Path) -> bool:
    """Say whether a Python is installed in `directory`: its library is what shows it."""
    return any(directory.glob("lib*/python3.*/os.py")) or any(directory.glob("lib/python3*.zip"))


def _home_key(config: Path) -> Path | None:
    for line in config.read_text("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        if key.strip().lower() == "home" and value.strip().startswith("/"):
            return Path(value.strip())
    return None


def _user_sites(home: Path) -> Iterator[Path]:
    return (home / ".local" / "lib").glob("python3.*/site-packages")


def _ask(path: Path, project: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the interpreter behind a launcher such as a shim of pyenv or mise."""
    if project is not None and path.resolve().is_relative_to(project):
        return None
    if path.parent.name == "shims" and path.parent.parent.name == ".pyenv":
        chosen = _pyenv(path.parent.parent, environ)
        if chosen is not None:
            return chosen
    try:
        answer = subprocess.run(
            [path, "-I", "-S", "-c", "import sys; print(sys.executable)"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=ASK_SECONDS,
            cwd="/",  # a launcher must not take orders from a file in the project
            check=False,
            env=dict(environ),
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.SubprocessError):
        return None
    return Path(answer.strip()) if answer.startswith("/") else None


def _pyenv(root: Path, environ: Mapping[str, str]) -> Path | None:
    """Return what pyenv's shims would start, which they take a tenth of a second to find."""
    version = environ.get("PYENV_VERSION", "")
    try:
        version = version or (root / "version").read_text("utf-8").split()[0]
    except (OSError, IndexError):
        return None
    path = root / "versions" / version / "bin" / "python3"
    return path if "/" not in version and path.is_file() else None
