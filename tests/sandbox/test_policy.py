"""What a policy shows, as bubblewrap is told and as people are."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from llmrepl.executors import Limits, Policy, rules
from llmrepl.executors.place import settle
from llmrepl.executors.policy import size, summary
from llmrepl.executors.walls.bubblewrap import Features, Session, arguments, locate
from llmrepl.executors.walls.hidden import MAX_FILES, hidden
from llmrepl.executors.walls.interpreter import Interpreter
from llmrepl.executors.walls.layout import Layout, environment

PROJECT = Path("/work/project")
LAYOUT = Layout(
    interpreter=Interpreter(Path("/work/project/.venv/bin/python"), (), ()),
    system=(("/bin", "usr/bin"), ("/lib64", "")),
    etc=("/etc/localtime",),
    shown=(PROJECT, Path("/opt/python")),
    links=(("3.11.7", "/opt/3.11"), ("x", "/tmp/link")),
    masked=(PROJECT / ".env",),
)
SESSION = Session(Path("/private"), Path("/scratch"), ("null",), control=7, seccomp=8)


def argv(**changes) -> list[str]:
    policy = dataclasses.replace(Policy(project=PROJECT), **changes)
    return arguments(policy, LAYOUT, SESSION)


def follows(command: list[str], *wanted: str) -> int:
    """Return where `wanted` stands in `command`, one after the other."""
    for index in range(len(command)):
        if command[index : index + len(wanted)] == list(wanted):
            return index
    raise AssertionError(f"{wanted} is not in {command}")


def test_the_command_line_is_a_function_of_the_policy_alone():
    assert argv() == argv()


@pytest.mark.parametrize(
    "option",
    [
        "--unshare-user",
        "--unshare-ipc",
        "--unshare-pid",
        "--unshare-uts",
        "--unshare-net",
        "--unshare-cgroup-try",
        "--disable-userns",
        "--die-with-parent",
        "--new-session",
        "--as-pid-1",
    ],
)
def test_every_wall_is_up(option):
    assert option in argv()


def test_no_capability_is_kept_and_the_filter_is_loaded_last():
    command = argv()
    follows(command, "--cap-drop", "ALL")
    assert follows(command, "--seccomp", "8") > follows(command, "--remount-ro", "/")
    assert command[follows(command, "--seccomp", "8") + 2] == "--"


def test_the_project_is_read_only_at_its_own_path_and_the_start():
    command = argv()
    follows(command, "--ro-bind", "/work/project", "/work/project")
    follows(command, "--chdir", "/work/project")
    assert "--bind" in command
    assert [command[i + 2] for i, word in enumerate(command) if word == "--bind"] == ["/tmp"]


def test_without_a_project_blocks_start_in_the_scratch():
    command = argv(project=None)
    follows(command, "--chdir", "/tmp")


def test_secrets_are_covered_after_the_project_is_shown():
    command = argv()
    shown = follows(command, "--ro-bind", "/work/project", "/work/project")
    assert follows(command, "--ro-bind", "/private/masked", "/work/project/.env") > shown


def test_file_systems_of_its_own_are_sized_and_root_proc_and_devices_read_only():
    command = argv(limits=Limits(home_size=12345))
    follows(command, "--size", "12345", "--perms", "0700", "--tmpfs", "/dev/shm")
    follows(command, "--size", "12345", "--perms", "0700", "--tmpfs", "/home/sandbox")
    for path in ("/", "/dev", "/proc"):
        follows(command, "--remount-ro", path)


def test_nothing_private_of_the_machine_is_mounted():
    command = argv()
    sources = {command[i + 1] for i, word in enumerate(command) if word.endswith("bind")}
    hidden = {"/", "/root", "/home", "/run", "/var", "/sys", "/tmp", "/etc"}
    assert not sources & hidden


def test_links_and_directories_of_the_system_are_as_on_the_machine():
    command = argv()
    follows(command, "--symlink", "usr/bin", "/bin")
    follows(command, "--ro-bind", "/lib64", "/lib64")
    follows(command, "--symlink", "3.11.7", "/opt/3.11")
    assert "/tmp/link" not in command  # it is made in the scratch


def test_the_agent_is_started_without_the_person_s_packages():
    command = argv()
    start = follows(command, "--", "/work/project/.venv/bin/python", "-I", "-S", "-c")
    assert command[-2:] == ["7", "-1"]
    assert len(command) == start + 8


def test_an_older_bubblewrap_is_not_asked_for_what_it_does_not_know():
    command = arguments(
        Policy(project=PROJECT), LAYOUT, SESSION, Features(size=False, disable_userns=False)
    )
    assert "--size" not in command
    assert "--disable-userns" not in command
    assert "--cap-drop" in command


def test_blocks_see_listed_variables_only():
    environ = {"LANG": "de_DE.UTF-8", "API_KEY": "secret", "PATH": "/home/me/bin", "TERM": "xterm"}
    policy = Policy(project=PROJECT, environment={"ADDED": "1"})
    seen = environment(policy, LAYOUT, environ)
    assert seen["LANG"] == "de_DE.UTF-8"
    assert seen["ADDED"] == "1"
    assert "API_KEY" not in seen
    assert seen["PATH"].startswith("/work/project/.venv/bin:/usr/local/sbin")
    assert "/home/me/bin" not in seen["PATH"]
    assert seen["TMPDIR"] == seen["SCRATCH"] == "/tmp"


def home_of(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "home").mkdir()
    return {"HOME": str(tmp_path / "home")}


@pytest.mark.parametrize("place", ["/", "/tmp", "/etc", "/usr", "/home", "/proc/self", "/dev/shm"])
def test_a_part_of_the_machine_is_never_shown(place, tmp_path):
    settled = settle(Policy(project=Path(place)), home_of(tmp_path))
    assert settled.project is None
    assert "no project" in summary(settled)
    assert place.split("/")[1] in settled.note


def test_the_home_directory_and_what_is_above_it_are_never_shown(tmp_path):
    environ = home_of(tmp_path)
    for place in (tmp_path / "home", tmp_path, tmp_path / "home" / ".." / "home"):
        settled = settle(Policy(project=place), environ)
        assert settled.project is None, place
    assert "home directory" in settled.note
    assert "home directory" in summary(settled)


def test_directories_of_secrets_are_never_shown(tmp_path):
    environ = home_of(tmp_path)
    keys = tmp_path / "home" / ".ssh" / "keys"
    keys.mkdir(parents=True)
    assert settle(Policy(project=keys), environ).project is None
    other = tmp_path / "other"
    (other / ".gnupg").mkdir(parents=True)
    assert ".gnupg" in settle(Policy(project=other), environ).note


def test_a_directory_in_the_home_is_shown(tmp_path):
    environ = home_of(tmp_path)
    work = tmp_path / "home" / "work"
    work.mkdir()
    settled = settle(Policy(project=work), environ)
    assert settled.project == work
    assert summary(settled) == f"reads {work}; writes only /tmp; no network"


def test_a_project_is_known_by_its_real_path(tmp_path):
    environ = home_of(tmp_path)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert settle(Policy(project=tmp_path / "link"), environ).project == tmp_path / "real"
    (tmp_path / "sly").symlink_to("home")
    assert settle(Policy(project=tmp_path / "sly"), environ).project is None


def test_a_directory_that_is_not_there_is_said(tmp_path):
    assert "is not a directory" in settle(Policy(project=tmp_path / "no"), {"HOME": "/"}).note


def test_names_of_secrets_are_masked_and_examples_are_not(tmp_path):
    names = [".env", ".env.local", ".env.example", "server.pem", ".netrc", "id_rsa", "main.py"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / ".env.d").mkdir()
    (tmp_path / ".npmrc").symlink_to("main.py")
    (tmp_path / "out.pem").symlink_to("/etc/passwd")
    found = {path.name for path in hidden(tmp_path)}
    assert found == {".env", ".env.local", "server.pem", ".netrc", "id_rsa", "main.py"}


def test_secrets_deeper_in_a_project_are_masked_and_what_others_wrote_is_not_searched(tmp_path):
    for name in (
        "app/.env",
        "a/b/c/d/.netrc",
        "node_modules/x/.npmrc",
        ".git/x.pem",
        "a/.env.dist",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "app" / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    (tmp_path / "app" / "tls.key").write_text("-----BEGIN RSA PRIVATE KEY-----\n")
    (tmp_path / "round").symlink_to(".")
    found = [str(path.relative_to(tmp_path)) for path in hidden(tmp_path)]
    assert found == ["app/.env", "app/tls.key", "a/b/c/d/.netrc"]


def test_the_search_for_secrets_has_an_end(tmp_path):
    for number in range(MAX_FILES + 50):
        (tmp_path / f"{number}.key").touch()
    assert len(list(hidden(tmp_path))) == MAX_FILES


def test_the_rules_name_the_numbers():
    told = " ".join(rules(Policy(project=PROJECT, limits=Limits(seconds=7, memory=3 << 30))))
    for part in ("/work/project", "7 s", "3 GiB", "/tmp/artifacts", "pipefail", "no network"):
        assert part in told
    assert "There is no project" in " ".join(rules(Policy()))


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (5, "5 bytes"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (1 << 30, "1 GiB"),
        (256 << 20, "256 MiB"),
    ],
)
def test_sizes_are_written_for_people(count, text):
    assert size(count) == text


def make_program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_bubblewrap_is_never_taken_from_the_project_or_a_relative_path(tmp_path):
    project = tmp_path / "project"
    make_program(project / "bin" / "bwrap")
    other = make_program(tmp_path / "other" / "bwrap")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "bwrap").symlink_to(project / "bin" / "bwrap")
    search = f"bin:.:{project}/bin:{tmp_path}/links:"
    assert locate(project, {"PATH": search}) is None
    assert locate(project, {"PATH": f"{search}:{other.parent}"}) == other
    assert locate(project, {"PATH": ""}) is None
