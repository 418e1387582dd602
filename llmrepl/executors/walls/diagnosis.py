"""Why there is no sandbox on a machine, and what mends it: read from the machine, not from errors.

Each system is a row of a table: how it is recognised, and its advice.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

from llmrepl.errors import SandboxUnavailable

_INSTALL = {
    "debian": "apt install bubblewrap",
    "ubuntu": "apt install bubblewrap",
    "fedora": "dnf install bubblewrap",
    "rhel": "dnf install bubblewrap",
    "arch": "pacman -S bubblewrap",
    "suse": "zypper install bubblewrap",
    "opensuse": "zypper install bubblewrap",
    "alpine": "apk add bubblewrap",
    "void": "xbps-install bubblewrap",
    "gentoo": "emerge sys-apps/bubblewrap",
    "nixos": "nix-env -iA nixos.bubblewrap",
}
"""How to install bubblewrap, by the ID of the distribution or of one it is like."""

_APPARMOR = (
    "AppArmor keeps programs from making user namespaces; let bubblewrap: sudo apt install"
    " apparmor-profiles && sudo ln -s /usr/share/apparmor/extra-profiles/bwrap-userns-restrict"
    " /etc/apparmor.d/ && sudo systemctl reload apparmor"
)
_CONTAINER = (
    "this is a container that allows no namespaces in it: start it with"
    " --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
    " --security-opt systempaths=unconfined"
)
_KUBERNETES = (
    "this is a pod that allows no namespaces in it: its securityContext needs seccompProfile and"
    " appArmorProfile of type Unconfined, and procMount: Unmasked"
)
_WSL1 = "this is WSL 1, which has no Linux kernel; in PowerShell: wsl --set-version DISTRIBUTION 2"
_NONE_LEFT = (
    "allow user namespaces: sudo sysctl -w user.max_user_namespaces=16384; where they are nested in"
    " a sandbox, start llmrepl outside of it"
)
_NESTED = (
    "llmrepl itself runs in a sandbox, or in a container without root, that allows no other in it:"
    " start it outside"
)
_UNPRIVILEGED = "allow user namespaces: sudo sysctl -w kernel.unprivileged_userns_clone=1"
_UNKNOWN = "`bwrap --ro-bind / / --unshare-all true` says what is missing; in a container, "

_MARKS = (".dockerenv", "run/.containerenv", "run/systemd/container", "dev/.lxc-boot-id")
_GROUPS = ("docker", "containerd", "kubepods", "libpod", "lxc", "garden", "buildkit")


def in_container(root: Path = Path("/")) -> bool:
    """Say whether this is a container, as far as its marks tell."""
    if any((root / mark).exists() for mark in _MARKS):
        return True
    groups = _text(root / "proc/1/cgroup")
    return any(name in groups for name in _GROUPS)


def is_nested(root: Path = Path("/")) -> bool:
    """Say whether we are in a user namespace that somebody made, and not in the machine's own."""
    return _text(root / "proc/self/uid_map").split() not in ([], ["0", "0", "4294967295"])


_SYSTEMS: tuple[tuple[Callable[[Path], bool], str], ...] = (
    (lambda root: _sysctl(root, "kernel/osrelease").endswith("-Microsoft"), _WSL1),
    (lambda root: (root / "run/secrets/kubernetes.io").exists(), _KUBERNETES),
    (lambda root: _sysctl(root, "user/max_user_namespaces") == "0", _NONE_LEFT),
    (in_container, _CONTAINER),
    (is_nested, _NESTED),
    (lambda root: _sysctl(root, "kernel/apparmor_restrict_unprivileged_userns") == "1", _APPARMOR),
    (lambda root: _sysctl(root, "kernel/unprivileged_userns_clone") == "0", _UNPRIVILEGED),
)
"""How a system is recognised, and its advice; the first that fits."""

WEAKER = (
    "Weaker, and only by your own word: --sandbox reduced (it lists what it lacks),"
    " --sandbox off (no sandbox)"
)


def missing(root: Path = Path("/")) -> SandboxUnavailable:
    """Return the error that says bubblewrap is not installed, with the command that installs it."""
    return SandboxUnavailable(
        "the sandbox needs bubblewrap, and there is no bwrap on PATH; nothing was run",
        hint=f"install it: {install_command(root)}. {WEAKER}",
    )


def install_command(root: Path = Path("/")) -> str:
    """Return the command that installs bubblewrap on this distribution."""
    facts = _os_release(root)
    names = [facts.get("ID", ""), *facts.get("ID_LIKE", "").split()]
    for name in names:
        command = _INSTALL.get(name) or _INSTALL.get(name.partition("-")[0])
        if command:
            return command if os.geteuid() == 0 else f"sudo {command}"
    return "the package is called bubblewrap"


def unworkable(said: str, root: Path = Path("/")) -> SandboxUnavailable:
    """Return the error that says bubblewrap is there and does not work.

    Args:
        said: the last line it wrote.
        root: where /etc and /proc of this machine are.
    """
    return SandboxUnavailable(
        f"bubblewrap could not make a sandbox: {said}; nothing was run",
        hint=f"{advice(root)}. {WEAKER}",
    )


def advice(root: Path = Path("/")) -> str:
    """Return what lets bubblewrap work on this system."""
    found = (text for is_it, text in _SYSTEMS if is_it(root))
    return next(found, _UNKNOWN + _CONTAINER)


def _sysctl(root: Path, name: str) -> str:
    return _text(root / "proc/sys" / name)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _os_release(root: Path) -> dict[str, str]:
    for path in ("etc/os-release", "usr/lib/os-release"):
        lines = _text(root / path).splitlines()
        if lines:
            pairs = (line.partition("=") for line in lines if not line.startswith("#"))
            return {name: " ".join(_unquoted(value)) for name, _, value in pairs}
    return {}


def _unquoted(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError:  # a quote that does not end
        return [value]
