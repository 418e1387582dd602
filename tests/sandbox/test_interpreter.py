"""Which Python runs the blocks, and that nothing of the project is run to find out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llmrepl.errors import ConfigError
from llmrepl.executors import Policy
from llmrepl.executors.walls.interpreter import find
from tests.sandbox.session import Session

SYSTEM = "/usr/bin:/bin"


def make_venv(path: Path) -> Path:
    """Make a virtual environment with a package of its own in it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", path], check=True)
    (site,) = path.glob("lib/python3*/site-packages")
    (site / "only_here.py").write_text("where = __file__\n")
    return path


@pytest.fixture(scope="module")
def venv(tmp_path_factory) -> Path:
    return make_venv(tmp_path_factory.mktemp("hidden-home") / "venv")


def test_the_order_is_asked_active_project_path(tmp_path, venv):
    project = tmp_path / "project"
    make_venv(project / ".venv")
    environ = {"PATH": SYSTEM, "HOME": str(tmp_path), "VIRTUAL_ENV": str(venv)}
    asked = find(str(project / ".venv/bin/python"), project, environ)
    assert asked.environment == project / ".venv"
    assert find("", project, environ).environment == venv
    del environ["VIRTUAL_ENV"]
    assert find("", project, environ).environment == project / ".venv"
    assert find("", None, environ).path == Path("/usr/bin/python3")


def test_with_an_empty_path_it_is_our_own(tmp_path):
    assert find("", tmp_path, {"PATH": "", "HOME": "/nowhere"}).path == Path(sys.executable)


def test_a_directory_may_be_asked_for(venv):
    assert find(str(venv), None, {"HOME": "/nowhere"}).path == venv / "bin" / "python"


@pytest.mark.parametrize("asked", ["/no/such/python", "/bin/ls", "/etc"])
def test_what_is_no_python_is_refused(asked):
    with pytest.raises(ConfigError) as caught:
        find(asked, None, {"HOME": "/nowhere", "PATH": SYSTEM})
    assert asked in caught.value.message
    assert "--python" in caught.value.hint


def test_nothing_of_the_project_is_run(tmp_path):
    project = tmp_path / "project"
    trap = project / ".venv" / "bin" / "python"
    trap.parent.mkdir(parents=True)
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    trap.chmod(0o755)
    (project / ".venv" / "pyvenv.cfg").write_text(f"home = {project}/.venv/bin\n")
    environ = {"PATH": f"{trap.parent}:{SYSTEM}", "HOME": str(tmp_path / "home")}
    assert find("", project, environ).path == Path("/usr/bin/python3")
    assert not (tmp_path / "ran").exists()


def test_a_project_cannot_make_the_sandbox_show_the_home(tmp_path):
    home = tmp_path / "home"
    (home / "lib" / "python3.11").mkdir(parents=True)
    (home / "lib" / "python3.11" / "os.py").touch()
    project = home / "project"
    link = project / ".venv" / "bin" / "python"
    link.parent.mkdir(parents=True)
    link.symlink_to(Path(sys.executable).resolve())
    (project / ".venv" / "pyvenv.cfg").write_text(f"home = {home}/bin\n")
    found = find("", project, {"PATH": SYSTEM, "HOME": str(home)})
    assert home not in found.directories
    assert found.path == Path("/usr/bin/python3")


def test_a_launcher_is_asked_outside_of_the_project(tmp_path):
    shim = tmp_path / "shims" / "python3"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\npwd > {tmp_path}/where\nexec /usr/bin/python3 "$@"\n')
    shim.chmod(0o755)
    environ = {"PATH": f"{shim.parent}:{SYSTEM}", "HOME": str(tmp_path / "home")}
    assert find("", tmp_path / "project", environ).path == Path("/usr/bin/python3")
    assert (tmp_path / "where").read_text() == "/\n"


def test_a_shim_of_pyenv_is_resolved_without_starting_it(tmp_path, venv):
    root = tmp_path / ".pyenv"
    (root / "versions").mkdir(parents=True)
    (root / "versions" / "3.x").symlink_to(Path(sys.base_prefix))
    (root / "version").write_text("3.x\n")
    shim = root / "shims" / "python3"
    shim.parent.mkdir()
    shim.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    shim.chmod(0o755)
    found = find("", None, {"PATH": f"{shim.parent}:{SYSTEM}", "HOME": "/nowhere"})
    assert found.path == root / "versions" / "3.x" / "bin" / "python3"
    assert (sys.base_prefix, str(root / "versions" / "3.x")) in found.links
    assert not (tmp_path / "ran").exists()


def test_packages_of_a_virtual_environment_import_in_blocks(project, venv):
    with Session(Policy(project=project, python=str(venv))) as session:
        assert session.python("import only_here; only_here.where").value == repr(
            str(next(venv.glob("lib/python3*/site-packages"))) + "/only_here.py"
        )
        assert session.bash("python -c 'import only_here; print(only_here.where)'").status == "ok"
        assert session.bash("echo $VIRTUAL_ENV").out.strip() == str(venv)


def test_links_in_tmp_on_the_way_to_the_interpreter_work_in_every_sandbox(project, tmp_path):
    (tmp_path / "base").symlink_to(sys.base_prefix)
    scratch = tmp_path / "scratch"
    in_scratch = scratch / (tmp_path / "base").relative_to("/tmp")
    in_scratch.mkdir(parents=True)  # something else stands where the link belongs
    for _ in range(2):
        policy = Policy(project=project, scratch=scratch, python=str(tmp_path / "base/bin/python3"))
        with Session(policy) as session:
            assert session.python("1 + 1").value == "2"
        assert in_scratch.is_symlink()


def test_packages_of_the_user_import_in_blocks_of_a_plain_python(project, tmp_path):
    version = subprocess.run(
        ["/usr/bin/python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    site = tmp_path / "home" / ".local" / "lib" / f"python{version}" / "site-packages"
    site.mkdir(parents=True)
    (site / "of_the_user.py").write_text("answer = 42\n")
    environ = {"HOME": str(tmp_path / "home"), "PATH": SYSTEM}
    with Session(Policy(project=project, python="/usr/bin/python3"), environ) as session:
        assert session.python("import of_the_user; of_the_user.answer").value == "42"
        assert session.bash("python3 -c 'import of_the_user; print(1)'").out == "1\n"


def test_modules_of_the_project_import_in_blocks(project):
    (project / "mine.py").write_text("answer = 7\n")
    (project / "json.py").write_text("raise SystemError('the wrong json')\n")
    with Session(Policy(project=project)) as session:
        assert session.python("import mine; mine.answer").value == "7"


def test_a_python_that_is_too_old_is_refused_with_the_way_out(project, tmp_path):
    old = tmp_path / "old"
    (old / "lib" / "python3.5").mkdir(parents=True)
    (old / "lib" / "python3.5" / "os.py").touch()
    (old / "bin").mkdir()
    (old / "bin" / "python").write_text("#!/bin/sh\necho 'SyntaxError: too old' >&2\nexit 1\n")
    (old / "bin" / "python").chmod(0o755)
    with Session(Policy(project=project, python=str(old))) as session:
        with pytest.raises(Exception, match="does not start in the sandbox") as caught:
            session.start()
        assert "SyntaxError: too old" in str(caught.value)
        assert "3.8" in caught.value.hint
