"""The wheel holds the whole package: code, data files, the marker of its types, and its command."""

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import llmrepl
from llmrepl.exchange.formats import FORMATS

ROOT = Path(__file__).parents[2]
BUILD = "import poetry.core.masonry.api as backend; print(backend.build_{}({!r}))"
PACKAGES = ("llmrepl", *(f"plugins/llmrepl_{name}" for name in ("timeline", "usage", "textual")))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package)
    done = subprocess.run(
        [sys.executable, "-c", BUILD.format("wheel", ".")],
        cwd=source,
        capture_output=True,
        text=True,
        check=True,
    )
    return zipfile.ZipFile(source / done.stdout.split()[-1])


@pytest.mark.parametrize("package", PACKAGES)
def test_the_wheel_holds_every_file_of_its_packages_but_tests(wheel, package):
    home = (ROOT / package).parent
    files = {
        str(file.relative_to(home))
        for file in (ROOT / package).rglob("*")
        if file.is_file() and not {"__pycache__", "tests"} & {*file.parts}
    }
    name = Path(package).name
    assert {file for file in wheel.namelist() if file.startswith(f"{name}/")} == files
    assert f"{name}/py.typed" in files


def test_the_wheel_carries_version_licence_and_command(wheel):
    folder = f"llmrepl-{llmrepl.__version__}.dist-info"
    assert f"Version: {llmrepl.__version__}" in wheel.read(f"{folder}/METADATA").decode()
    assert f"{folder}/licenses/LICENSE" in wheel.namelist()
    told = wheel.read(f"{folder}/entry_points.txt").decode()
    assert "llmrepl=llmrepl.__main__:main" in told
    assert "timeline=llmrepl_timeline.timeline:Timeline" in told


def test_the_archive_of_the_sources_holds_what_a_checkout_does(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", BUILD.format("sdist", str(tmp_path))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    with tarfile.open(tmp_path / done.stdout.split()[-1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    dotfiles = {".editorconfig", ".gitattributes", ".gitignore"}
    present = {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}
    assert present - names <= dotfiles


def test_an_installation_in_place_runs_no_code_at_the_start_of_python(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", BUILD.format("editable", str(tmp_path))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    with zipfile.ZipFile(tmp_path / done.stdout.split()[-1]) as packed:
        (paths,) = [name for name in packed.namelist() if name.endswith(".pth")]
        lines = packed.read(paths).decode().splitlines()
    assert {*map(Path, lines)} == {ROOT, ROOT / "plugins"}


def test_what_is_installed_from_the_wheel_exports_a_session_in_every_format(wheel, tmp_path):
    home = tmp_path / "home"
    sessions = home / ".local" / "share" / "llmrepl" / "sessions"
    sessions.mkdir(parents=True)
    shutil.copy(ROOT / "sessions/demos/corrects-itself.jsonl", sessions / "one.jsonl")
    # An environment of its own, which finds the packages that are needed where this one has them.
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True, with_pip=False)
    (site,) = environment.glob("lib/python3*/site-packages")
    wheel.extractall(site)
    for name in FORMATS:
        done = subprocess.run(
            [environment / "bin" / "python", "-c", START, sysconfig.get_path("purelib"), name],
            cwd=tmp_path,
            env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout) > 500


START = """
import sys
*_, site = sys.path
sys.path.append(sys.argv[1])  # its own packages, and nothing that is installed in place there
import llmrepl
assert llmrepl.__file__.startswith(site)
from llmrepl.__main__ import main
sys.argv[1:] = ["sessions", "export", "one", "--format", sys.argv[2]]
main()
"""
