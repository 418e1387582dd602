"""Missing system tools: installed where allowed, otherwise named with the one command to type."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".ci/tools"

RELEASES = {
    "debian": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
    "ubuntu": 'NAME="Ubuntu"\nVERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian\n',
    "mint": 'NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n',
    "fedora": 'NAME="Fedora Linux"\nID=fedora\nVERSION_ID=43\n',
    "rocky": 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\n',
    "arch": 'NAME="Arch Linux"\nID=arch\nBUILD_ID=rolling\n',
    "manjaro": 'NAME="Manjaro Linux"\nID=manjaro\nID_LIKE=arch\n',
    "tumbleweed": 'NAME="openSUSE Tumbleweed"\nID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n',
    "leap": 'NAME="openSUSE Leap"\nID="opensuse-leap"\nID_LIKE="suse opensuse"\n',
    "alpine": 'NAME="Alpine Linux"\nID=alpine\n',
    "nixos": "NAME=NixOS\nID=nixos\n",
}
COMMANDS = {
    "debian": "sudo apt-get install -y bubblewrap util-linux",
    "ubuntu": "sudo apt-get install -y bubblewrap util-linux",
    "mint": "sudo apt-get install -y bubblewrap util-linux",
    "fedora": "sudo dnf install -y bubblewrap util-linux",
    "rocky": "sudo dnf install -y bubblewrap util-linux",
    "arch": "sudo pacman -S --needed --noconfirm bubblewrap util-linux",
    "manjaro": "sudo pacman -S --needed --noconfirm bubblewrap util-linux",
    "tumbleweed": "sudo zypper --non-interactive install bubblewrap util-linux",
    "leap": "sudo zypper --non-interactive install bubblewrap util-linux",
    "alpine": "sudo apk add bubblewrap setpriv",
    "nixos": "install bubblewrap util-linux with your system's package manager",
}


def run_tools(*arguments, release, path=os.defpath):
    return subprocess.run(
        ["/bin/sh", TOOLS, *arguments],
        env={"OS_RELEASE": str(release), "PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def release(tmp_path):
    file = tmp_path / "os-release"
    file.write_text(RELEASES["debian"])
    return file


@pytest.fixture
def machine(tmp_path):
    """Writes the commands of a small machine, and returns the directory that holds them."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def having(**commands):
        for name, script in commands.items():
            command = folder / name.replace("_", "-")
            command.write_text(f"#!/bin/sh\n{script}\n")
            command.chmod(0o755)
        return folder

    return having


@pytest.mark.parametrize("name", RELEASES)
def test_each_distribution_gets_its_own_command(name, tmp_path):
    file = tmp_path / "os-release"
    file.write_text(RELEASES[name])
    assert run_tools("--print", "bwrap", "setpriv", release=file).stdout == COMMANDS[name] + "\n"


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("debian", "g++"),
        ("fedora", "gcc-c++"),
        ("leap", "gcc-c++"),
        ("arch", "gcc"),
        ("alpine", "g++"),
    ],
)
def test_a_compiler_has_another_name_everywhere(name, package, tmp_path):
    file = tmp_path / "os-release"
    file.write_text(RELEASES[name])
    assert run_tools("--print", "c++", release=file).stdout.split()[-1] == package


def test_a_machine_that_does_not_say_what_it_is_gets_the_names_of_the_packages(tmp_path):
    done = run_tools("--print", "bwrap", release=tmp_path / "absent")
    assert done.stdout == "install bubblewrap with your system's package manager\n"


def test_tools_that_are_there_are_passed_over_in_silence(release):
    done = run_tools("sh", "env", release=release)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_the_right_to_install_it_names_the_command_and_fails(release, machine):
    done = run_tools("bwrap", "tmux", release=release, path=machine(id="echo 1000"))
    assert done.returncode == 1
    assert done.stderr == (
        "Missing on this machine: bubblewrap tmux."
        " To install: sudo apt-get install -y bubblewrap tmux\n"
    )


@pytest.mark.parametrize("sudo", ["", "sudo -n "])
def test_root_and_sudo_without_a_password_install_what_is_missing(release, machine, tmp_path, sudo):
    folder = machine(
        id="echo 1000" if sudo else "echo 0",
        sudo=f'echo "sudo $*" >>{tmp_path}/log; shift; exec "$@"',
        env='shift; exec "$@"',
        true="",
        apt_get=f'echo "apt-get $*" >>{tmp_path}/log',
        tmux="",
    )
    done = run_tools("bwrap", "tmux", release=release, path=folder)
    assert done.returncode == 0, done.stderr
    log = (tmp_path / "log").read_text().splitlines()
    assert log[-1] == "apt-get install -y bubblewrap"
    assert any(line.startswith("sudo -n ") for line in log) == bool(sudo)


def test_a_package_manager_that_fails_is_quoted(release, machine):
    folder = machine(id="echo 0", env='shift; exec "$@"', apt_get="echo no space left; exit 100")
    done = run_tools("bwrap", release=release, path=folder)
    assert done.returncode == 1
    assert "no space left" in done.stderr


def run_bubblewrap(release, folder):
    return subprocess.run(
        ["/bin/sh", ROOT / ".ci/bubblewrap"],
        env={"OS_RELEASE": str(release), "PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("version", "noted"), [("0.6.1", True), ("0.8.0", False), ("0.11", False)])
def test_an_old_bubblewrap_is_noted_and_a_newer_one_passed_over(release, machine, version, noted):
    folder = machine(dirname='exec /usr/bin/dirname "$@"', bwrap=f"echo bubblewrap {version}")
    done = run_bubblewrap(release, folder)
    assert done.returncode == 0
    assert (f"bubblewrap {version} found; 0.8 or newer is preferred" in done.stderr) == noted


def test_the_set_up_goes_on_without_bubblewrap_and_says_what_that_means(release, machine):
    folder = machine(dirname='exec /usr/bin/dirname "$@"', id="echo 1000")
    done = run_bubblewrap(release, folder)
    assert done.returncode == 0
    assert "sudo apt-get install -y bubblewrap" in done.stderr
    assert "runs no helper blocks" in done.stderr


def test_no_test_starts_while_a_tool_is_missing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/project/test_layout.py"],
        cwd=ROOT,
        env={"PATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "bash, bwrap, git, setpriv, tmux, not found. To install: " in done.stderr
    assert "passed" not in done.stdout


def test_what_compiles_llama_cpp_says_what_has_to_come_first(tmp_path):
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    done = subprocess.run(
        ["/bin/sh", tmp_path / ".ci/llama"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "There is no .venv yet: run .ci/setup dev first.\n"
