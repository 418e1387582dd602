"""Why there is no sandbox on a machine, and the command that mends it."""

from __future__ import annotations

import os
import shlex
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
}
"""How to install bubblewrap, by the ID of the distribution or of one it is like."""

_APPARMOR = (
    "let AppArmor allow it: sudo apt install apparmor-profiles && sudo ln -s"
    " /usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ &&"
    " sudo systemctl reload apparmor"
)
_CONTAINER = (
    "this is a container that allows no containers in it: start it with"
    " --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
    " --security-opt systempaths=unconfined"
)


def missing(root: Path = Path("/")) -> SandboxUnavailable:
    """Return the error that says bubblewrap is not installed, with the command that installs it."""
    return SandboxUnavailable(
        "the sandbox needs bubblewrap, and there is no bwrap on PATH; nothing was run",
        hint=f"install it: {install_command(root)}",
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
        f"bubblewrap could not make a sandbox: {said}; nothing was run", hint=_advice(root)
    )


def _advice(root: Path) -> str:
    if _sysctl(root, "kernel/apparmor_restrict_unprivileged_userns") == "1":
        return _APPARMOR
    if _sysctl(root, "kernel/unprivileged_userns_clone") == "0":
        return "allow user namespaces: sudo sysctl -w kernel.unprivileged_userns_clone=1"
    if _sysctl(root, "user/max_user_namespaces") == "0":
        return "allow user namespaces: sudo sysctl -w user.max_user_namespaces=16384"
    if any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv")):
        return _CONTAINER
    return "see what `bwrap --ro-bind / / --unshare-all true` says; in a container, " + _CONTAINER


def _sysctl(root: Path, name: str) -> str:
    try:
        return (root / "proc/sys" / name).read_text().strip()
    except OSError:
        return ""


def _os_release(root: Path) -> dict[str, str]:
    for path in ("etc/os-release", "usr/lib/os-release"):
        try:
            lines = (root / path).read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        pairs = (line.partition("=") for line in lines if not line.startswith("#"))
        return {name: " ".join(shlex.split(value)) for name, _, value in pairs}
    return {}
