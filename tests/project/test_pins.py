"""The pins are complete, hashed, the same on every machine, and name no place to fetch from."""

import re
import tomllib
from importlib import metadata
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FILES = ("constraints.txt", "constraints-dev.txt")
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
MACHINES = ("x86_64", "aarch64")

PIN = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>[0-9][0-9a-z.]*)(?P<marker> ; [^\\]+)?"
    r"(?P<hashes>( \\\n    --hash=sha256:[0-9a-f]{64})+)\n"
)


def text_of(file: str) -> str:
    """The pins without their comments."""
    lines = (ROOT / file).read_text().splitlines(keepends=True)
    return "".join(line for line in lines if not line.lstrip().startswith("#"))


def pins_of(file: str) -> dict[str, str]:
    return {pin["name"]: pin["version"] for pin in PIN.finditer(text_of(file))}


@pytest.mark.parametrize("file", FILES)
def test_every_line_belongs_to_a_version_with_its_hashes(file):
    assert PIN.sub("", text_of(file)).strip() == ""


@pytest.mark.parametrize("file", FILES)
def test_a_package_with_compiled_parts_has_the_hashes_of_all_platforms(file):
    counts = {pin["name"]: pin["hashes"].count("sha256:") for pin in PIN.finditer(text_of(file))}
    assert counts["pydantic-core"] > 50
    assert counts["tiktoken"] > 20


@pytest.mark.parametrize("file", FILES)
def test_the_pins_name_no_address(file):
    text = (ROOT / file).read_text()
    assert (
        re.findall(r"://|^\s*-[^-c ].*|--(?!hash=)\S+|\b[\w-]+\.(?:org|com|net|io|dev)\b", text)
        == []
    )


def test_the_suite_runs_on_the_versions_that_a_chat_runs_on():
    assert pins_of("constraints.txt").items() <= pins_of("constraints-dev.txt").items()


def test_what_is_installed_is_what_is_pinned():
    pins = pins_of("constraints-dev.txt")
    assert {name: metadata.version(name) for name in pins} == pins


def needs(requirement: Requirement, environment: dict[str, str]) -> list[Requirement]:
    """What an installed package requires there, for itself and for the extras asked for."""
    extras = ("", *requirement.extras)
    found = [Requirement(line) for line in metadata.requires(requirement.name) or ()]
    return [
        need
        for need in found
        if need.marker is None
        or any(need.marker.evaluate({**environment, "extra": extra}) for extra in extras)
    ]


@pytest.mark.parametrize(("file", "extras"), [(FILES[0], ()), (FILES[1], ("dev", "encryption"))])
@pytest.mark.parametrize(("python", "machine"), [*product(PYTHONS, MACHINES)])
def test_the_pins_hold_all_that_any_supported_machine_needs(file, extras, python, machine):
    pins = pins_of(file)
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_machine": machine,
    }
    lines = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
    for extra in extras:
        lines += PROJECT["project"]["optional-dependencies"][extra]
    waiting, seen = [Requirement(line) for line in lines], set()
    while waiting:
        need = waiting.pop()
        if str(need) in seen:
            continue
        seen.add(str(need))
        name = canonicalize_name(need.name)
        assert name in pins, f"{need} is not pinned: run `make constraints`"
        assert need.specifier.contains(pins[name]), (
            f"{name} is pinned to {pins[name]}, against {need}"
        )
        waiting += needs(need, environment)
