"""The wheel holds the whole package: code, data files, the marker of its types, and its command."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import llmrepl

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "llmrepl", source / "llmrepl")
    build = "import flit_core.buildapi as backend; print(backend.build_wheel('.'))"
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=source, capture_output=True, text=True, check=True
    )
    return zipfile.ZipFile(source / done.stdout.split()[-1])


def test_the_wheel_holds_every_file_of_the_package(wheel):
    package = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "llmrepl").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    packed = {name for name in wheel.namelist() if name.startswith("llmrepl/")}
    assert packed == package
    assert "llmrepl/py.typed" in packed


def test_the_wheel_carries_version_licence_and_command(wheel):
    folder = f"llmrepl-{llmrepl.__version__}.dist-info"
    assert f"Version: {llmrepl.__version__}" in wheel.read(f"{folder}/METADATA").decode()
    assert f"{folder}/licenses/LICENSE" in wheel.namelist()
    assert "llmrepl=llmrepl.__main__:main" in wheel.read(f"{folder}/entry_points.txt").decode()
