"""Whatever blocks do to files: undo gives back what was there, apply gives what they saw."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from llmrepl.executors import Policy
from llmrepl.executors.place import protected
from tests.sandbox.session import Session

PATHS = ("a", "b", "d", "d/a", "d/e", "d/e/x", "d/new\nline", "n", "n/ü", ".bashrc", "d/.vscode")
paths = st.sampled_from(PATHS)
contents = st.sampled_from(["", "one\n", "two\nthree\n", "\0\x01"])
operations = st.one_of(
    st.tuples(st.just("write"), paths, contents),
    st.tuples(st.just("append"), paths, contents),
    st.tuples(st.just("remove"), paths),
    st.tuples(st.just("mkdir"), paths),
    st.tuples(st.just("rename"), paths, paths),
    st.tuples(st.just("link"), paths, paths),
    st.tuples(st.just("symlink"), st.sampled_from(["a", "e", "missing"]), paths),
    st.tuples(st.just("chmod"), paths, st.sampled_from([0o600, 0o644, 0o755, 0o500, 0o400])),
)
blocks = st.lists(st.lists(operations, min_size=1, max_size=6), min_size=1, max_size=3)
MANY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

DO = """
import json, os, shutil
def write(path, text): open(path, 'w').write(text)
def append(path, text): open(path, 'a').write(text)
def remove(path):
    is_directory = os.path.isdir(path) and not os.path.islink(path)
    shutil.rmtree(path) if is_directory else os.remove(path)
DO = dict(write=write, append=append, remove=remove, mkdir=os.mkdir, rename=os.rename,
          link=os.link, symlink=os.symlink, chmod=os.chmod)
for name, *arguments in json.loads({operations!r}):
    try:
        DO[name](*arguments)
    except OSError:
        pass
"""


def tree(top: Path) -> dict[str, tuple[int, object]]:
    """Kind, mode and content of everything below `top`."""
    found: dict[str, tuple[int, object]] = {}
    for directory, names, files in os.walk(top):
        for name in (*names, *files):
            path = Path(directory, name)
            mode = path.lstat().st_mode
            content = str(path.readlink()) if path.is_symlink() else False
            if stat.S_ISREG(mode):
                content = path.read_bytes()
            found[str(path.relative_to(top))] = (mode, content)
    return found


def refill(project: Path) -> None:
    """Let the project be as every example begins."""
    for path in project.iterdir():
        if path.is_dir() and not path.is_symlink():
            for directory, _, _ in os.walk(path):
                Path(directory).chmod(0o755)
            shutil.rmtree(path)
        else:
            path.unlink()
    (project / "a").write_text("first\n")
    (project / "d" / "e").mkdir(parents=True)
    (project / "d" / "a").write_text("second\n")
    (project / "d" / "e" / "x").write_text("third\n")
    (project / "b").symlink_to("d/a")
    (project / "d" / "e").chmod(0o700)


def run(session: Session, work) -> None:
    session.turn += 1
    for operations in work:
        found = session.python(DO.format(operations=json.dumps(operations)))
        assert found.status == "ok", found


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def real(project):
    with Session(Policy(project=project, write=(project,))) as session:
        yield session


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    policy = Policy(project=tmp_path_factory.mktemp("copied"), copy_on_write=True)
    with Session(policy) as session:
        yield session


@MANY
@given(blocks)
@example([[("rename", "d", "n")], [("write", "n/a", "x")]])
@example([[("chmod", "d", 0o400)], [("remove", "d/a")]])
@example([[("remove", "d"), ("write", "d", "x")], [("remove", "d"), ("mkdir", "d")]])
@example([[("write", ".bashrc", "x"), ("mkdir", "d/.vscode")]])
def test_undo_gives_back_the_tree_that_was_there(real, project, work):
    refill(project)
    before = tree(project)
    run(real, work)
    assert [path for path in tree(project) if protected(path)] == []
    _, undone = real.wait(real.executor.written.undo())
    assert (undone.conflicts, undone.refused) == ((), ())
    assert tree(project) == before


def as_seen(session: Session) -> dict[str, tuple[int, object]]:
    """The tree as blocks see it."""
    code = (
        "import base64, json, os\nfound = {}\n"
        "for top, names, files in os.walk('.'):\n"
        "    for path in (os.path.relpath(os.path.join(top, n), '.') for n in names + files):\n"
        "        mode = os.lstat(path).st_mode\n"
        "        what = os.readlink(path) if os.path.islink(path) else False\n"
        "        if os.path.isfile(path) and not os.path.islink(path):\n"
        "            what = [open(path, 'rb').read().decode('latin-1')]\n"
        "        found[path] = mode, what\n"
        "print(json.dumps(found))"
    )
    return {
        path: (mode, what[0].encode("latin-1") if isinstance(what, list) else what)
        for path, (mode, what) in json.loads(session.python(code).out).items()
    }


@MANY
@given(blocks)
@example([[("rename", "d", "n")], [("write", "n/a", "x")]])
@example([[("remove", "d/a")], [("remove", "d")]])
def test_apply_gives_the_tree_that_blocks_saw_without_what_is_protected(copied, work):
    project = copied.executor.settings.project
    copied.wait(copied.executor.written.discard())
    refill(project)
    run(copied, work)
    run(copied, [[("chmod", path, 0o755) for path in ("d", "d/e", "n")]])
    seen = {path: facts for path, facts in as_seen(copied).items() if not protected(path)}
    applied = copied.wait(copied.executor.written.apply())
    assert applied.conflicts == ()
    assert all(protected(path) for path, _ in applied.refused), applied
    assert tree(project) == seen
