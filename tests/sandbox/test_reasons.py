"""The one line that explains what a sandbox refused, and how to get a sandbox."""

from __future__ import annotations

import os

import pytest

from llmrepl.executors.policy import Limits
from llmrepl.executors.running.reasons import of_bash, of_death, of_python
from llmrepl.executors.walls.diagnosis import install_command, missing, unworkable
from llmrepl.executors.walls.proofs import judge

LIMITS = Limits()


@pytest.mark.parametrize(
    ("stderr", "told"),
    [
        ("touch: cannot touch 'x': Read-only file system", "read-only"),
        ("curl: (6) Could not resolve host: example.com", "no network"),
        ("ping: socket: Address family not supported by protocol", "no network"),
        ("mount: /mnt: Operation not permitted", "no privileges"),
        ("cat: .env: Permission denied", "secrets"),
        ('sudo: The "no new privileges" flag is set', "no privileges"),
    ],
)
def test_what_the_policy_refused_to_bash_is_named(stderr, told):
    status, reason = of_bash(1, stderr, LIMITS)
    assert status == "error"
    assert reason.startswith("exit code 1 (")
    assert told in reason


@pytest.mark.parametrize(
    ("stderr", "told"),
    [
        ("bash: fork: retry: Resource temporarily unavailable", "64 processes"),
        ("cc1: Cannot allocate memory", "1 GiB of memory"),
        ("cp: Too many open files", "512 open files"),
        ("dd: No space left on device", "64 MiB"),
    ],
)
def test_a_limit_that_bash_met_is_named(stderr, told):
    assert told in of_bash(1, stderr, LIMITS)[1]


def test_an_ordinary_failure_has_an_ordinary_reason():
    assert of_bash(2, "grep: no such file", LIMITS) == ("error", "exit code 2")
    assert of_bash(139, "", LIMITS) == ("error", "exit code 139, SIGSEGV")
    assert of_bash(153, "", LIMITS)[0] == "limit"
    reply = {"kind": "ValueError", "message": "ValueError: no", "error": "…", "exit": 1}
    assert of_python(reply, LIMITS) == ("error", "ValueError: no")


@pytest.mark.parametrize(
    ("reply", "status", "told"),
    [
        ({"kind": "OSError", "errno": 30, "message": "OSError: x"}, "error", "read-only"),
        ({"kind": "PermissionError", "errno": 1, "message": "x"}, "error", "no privileges"),
        ({"kind": "OSError", "errno": 24, "message": "x"}, "limit", "512 open files"),
        ({"kind": "MemoryError", "error": "MemoryError"}, "limit", "1 GiB of memory"),
        ({"kind": "BlockingIOError", "errno": 11, "error": "no data"}, "error", "BlockingIOError"),
        (
            {
                "kind": "BlockingIOError",
                "errno": 11,
                "error": "os.fork()\nBlockingIOError: [Errno 11] Resource temporarily unavailable",
            },
            "limit",
            "64 processes",
        ),
        ({"kind": None, "errno": "x", "message": 5, "error": ["odd"]}, "error", "5"),
    ],
)
def test_what_python_met_is_named(reply, status, told):
    found, reason = of_python(reply, LIMITS)
    assert found == status
    assert told in reason


def test_an_untrusted_message_is_one_safe_line():
    status, reason = of_python({"message": "Evil: \x1b[2J a\n b\r c" + "x" * 9999}, LIMITS)
    assert (status, reason[:11]) == ("error", "Evil: a cxx")
    assert len(reason) == 500


def test_a_death_names_the_signal_or_the_code():
    assert "SIGKILL" in of_death(137)
    assert "code 3" in of_death(3)


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ("ID=debian", "apt install bubblewrap"),
        ("ID=ubuntu\nID_LIKE=debian", "apt install bubblewrap"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"', "apt install bubblewrap"),
        ("ID=fedora", "dnf install bubblewrap"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"', "dnf install bubblewrap"),
        ("ID=arch", "pacman -S bubblewrap"),
        ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"', "zypper install bubblewrap"),
        ("ID=alpine", "apk add bubblewrap"),
        ('ID="half a quote', "the package is called bubblewrap"),
        ("ID=unheard-of", "the package is called bubblewrap"),
        ("# nothing", "the package is called bubblewrap"),
    ],
)
def test_the_install_command_is_the_distribution_s(tmp_path, release, command):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "os-release").write_text(release + "\n")
    assert install_command(tmp_path).removeprefix("sudo ") == command
    if os.geteuid() != 0 and "package" not in command:
        assert install_command(tmp_path).startswith("sudo ")
    assert command in missing(tmp_path).hint


@pytest.mark.parametrize(
    ("file", "content", "advice"),
    [
        ("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n", "bwrap-userns-restrict"),
        ("proc/sys/kernel/unprivileged_userns_clone", "0\n", "unprivileged_userns_clone=1"),
        ("proc/sys/user/max_user_namespaces", "0\n", "max_user_namespaces"),
        (".dockerenv", "", "--security-opt"),
        ("run/.containerenv", "", "--security-opt"),
        ("proc/1/cgroup", "0::/system.slice/docker-1234.scope\n", "--security-opt"),
        ("run/secrets/kubernetes.io/x", "", "procMount: Unmasked"),
        ("proc/sys/kernel/osrelease", "4.4.0-19041-Microsoft\n", "wsl --set-version"),
        ("proc/self/uid_map", "0 1000 1\n", "start it outside"),
        ("proc/self/uid_map", "         0          0 4294967295\n", "bwrap --ro-bind"),
        ("etc/nothing", "", "bwrap --ro-bind"),
    ],
)
def test_the_advice_fits_what_stands_in_the_way(tmp_path, file, content, advice):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(content)
    error = unworkable("setting up uid map: Permission denied", tmp_path)
    assert "uid map" in error.message
    assert advice in error.hint
    assert "--sandbox reduced" in error.hint


GOOD = {
    "status": {
        **dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0000000000000000"),
        "NoNewPrivs": "1",
        "Seccomp": "2",
    },
    "interfaces": {"lo": True},
    "routes": {},
    "socket": "Address family not supported by protocol",
    "families": [],
    "environment": ["PATH", "PWD"],
    "visible": False,
    "writable": [],
    "pid": 1,
}


def broken(**changes) -> list[str]:
    proofs = judge({**GOOD, **changes}, {"closed": True}, {"PATH": "/bin"})
    return [proof.name for proof in proofs if not proof.ok]


def test_good_facts_prove_everything():
    assert broken() == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"interfaces": {"lo": True, "eth0": True}}, "no network"),
        ({"routes": {"eth0": True}}, "no network"),
        ({"socket": ""}, "no network"),
        ({"families": [16]}, "no network"),
        ({"status": {**GOOD["status"], "CapEff": "0000000000000001"}}, "no privileges"),
        ({"status": {**GOOD["status"], "NoNewPrivs": "0"}}, "no privileges"),
        ({"status": {**GOOD["status"], "Seccomp": "0"}}, "system call filter"),
        ({"environment": ["PATH", "API_KEY"]}, "other variables hidden"),
        ({"visible": True}, "other files hidden"),
        ({"writable": ["/usr"]}, "nothing outside writable"),
        ({"pid": 2}, "other processes hidden"),
    ],
)
def test_every_broken_promise_is_found(changes, name):
    assert broken(**changes) == [name]


@pytest.mark.parametrize(
    ("families", "ok"), [([2, 10], True), ([2], True), ([1, 2], False), ([2, 10, 40], False)]
)
def test_beside_a_proxy_only_sockets_of_the_internet_may_open(families, ok):
    facts = {**GOOD, "socket": "", "families": families}
    proofs = judge(facts, {"closed": True}, {"PATH": "/bin"}, proxied=True)
    assert (proofs[0].name, proofs[0].ok) == ("no network but the proxy", ok)


SHARED = {
    **GOOD,
    "status": {**GOOD["status"], "CapBnd": "000001ffffffffff"},
    "interfaces": {"lo": True, "eth0": True},
    "routes": {"eth0": True},
    "visible": True,
    "readable": False,
    "changed": [],
    "signals": False,
    "processes": False,
    "pid": 4711,
}


def broken_in_reduced(**changes) -> list[str]:
    proofs = judge({**SHARED, **changes}, {"closed": True}, {"PATH": "/bin"}, "reduced")
    return [proof.name for proof in proofs if not proof.ok]


def test_without_namespaces_the_machine_s_own_may_be_seen():
    assert broken_in_reduced() == []
    assert broken(**SHARED) != []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"families": [1]}, "no network"),
        ({"status": {**GOOD["status"], "CapEff": "0000000000000001"}}, "no privileges"),
        ({"status": {**GOOD["status"], "Seccomp": "0"}}, "system call filter"),
        ({"readable": True}, "other files closed"),
        ({"changed": ["mode"]}, "other files closed"),
        ({"signals": True}, "other processes closed"),
        ({"processes": True}, "other processes closed"),
        ({"writable": ["/tmp"]}, "nothing outside writable"),
    ],
)
def test_every_promise_of_the_reduced_sandbox_can_break(changes, name):
    assert broken_in_reduced(**changes) == [name]


@pytest.mark.parametrize("tier", ["auto", "reduced"])
def test_facts_that_are_missing_prove_nothing(tier):
    proofs = judge({}, {}, {}, tier)
    assert not any(proof.ok for proof in proofs)


def test_where_nothing_is_promised_nothing_is_proven():
    assert judge(GOOD, {"closed": True}, {}, "off") == ()
