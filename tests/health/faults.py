"""Faults to plant on a machine, each with what `llmrepl check` has to say of it.

A fault is a function that plants it and returns a `Found`: which check finds it, how bad it is,
words of its message, and words of what mends it.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from llmrepl.config.paths import search_index, usage_database
from llmrepl.sessions.search.index import SearchIndex
from llmrepl.testing import Refused, Reply
from llmrepl.usage import Usage
from tests.cli.machine import LLMREPL, NOBODY, WITHOUT_BUBBLEWRAP

ROOT = Path(__file__).parents[2]
DEMO = ("--model", "demo/assistant")


class Found(NamedTuple):
    """What is to be found, and how llmrepl is to be run for it."""

    check: str
    status: str
    message: str
    fix: str
    args: tuple[str, ...] = DEMO
    command: tuple[str, ...] = (LLMREPL,)
    repaired: bool = False


def package(machine, name, version="1.0", points=""):
    """Put the metadata of a package where it is found first."""
    folder = machine.root / "packages"
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(points)
    machine.env["PYTHONPATH"] = str(folder)
    return folder


def session(machine):
    """Let there be a session of one turn."""
    ran = machine.run("run", "--model", machine.script("Hello."), "--session", "mine", "hello")
    assert ran.code == 0
    return machine.sessions / "mine.jsonl"


def a_configuration_that_is_not_toml(machine, serve):
    machine.configure('model = "demo/assistant\n')
    return Found("configuration", "failed", "config.toml:1: it is not TOML", "accepted: lines like")


def a_key_that_there_is_not(machine, serve):
    machine.configure("modle = 'demo/assistant'\n")
    return Found("configuration", "failed", "unknown key modle", "did you mean model?")


def a_value_that_is_not_accepted(machine, serve):
    machine.configure("[limits]\nmax_steps = 'many'\n")
    return Found("configuration", "failed", "limits.max_steps is", "accepted: a whole number")


def a_variable_that_there_is_not(machine, serve):
    machine.env["LLMREPL_MODLE"] = "demo/assistant"
    return Found("configuration", "warning", "LLMREPL_MODLE is set", "unset LLMREPL_MODLE")


def a_configuration_with_a_key_that_others_can_read(machine, serve):
    machine.configure('[providers.groq]\napi_key = "gsk_of_the_test"\n')
    machine.user_file.chmod(0o644)
    message, fix = "in a file of mode 0644", f"chmod 600 {machine.user_file}"
    return Found("configuration", "warning", message, fix, repaired=True)


def a_directory_that_others_can_write(machine, serve):
    machine.sessions.mkdir(parents=True)
    machine.sessions.parent.chmod(0o777)
    fix = f"chmod 700 {machine.sessions.parent}"
    return Found("configuration", "warning", "others can write into", fix, repaired=True)


def a_file_of_a_key_that_others_can_read(machine, serve):
    serve("pong")
    file = machine.root / "key"
    file.write_text("sk_of_the_test\n")
    file.chmod(0o644)
    machine.configure(f'[providers.openai]\napi_key_file = "{file}"\n')
    return asked("whose mode is 0644", f"chmod 600 {file}")


def asked(message, fix, model="openai/x", *args):
    return Found("provider", "failed", message, fix, ("--model", model, *args))


def a_key_in_a_variable_that_is_not_set(machine, serve):
    machine.configure('[providers.openai]\napi_key_env = "NO_SUCH_KEY"\n')
    return asked("NO_SUCH_KEY, which is not set", "export NO_SUCH_KEY=")


def a_key_that_is_not_accepted(machine, serve):
    serve(Refused(401))
    return asked("does not accept the key", "set OPENAI_API_KEY to a valid key")


def a_proxy_that_cannot_be_used(machine, serve):
    machine.env |= {"ALL_PROXY": "socks5://127.0.0.1:9", "GROQ_API_KEY": "gsk_of_the_test"}
    return asked("Using SOCKS proxy", "ALL_PROXY names it", "groq/x")


def an_address_with_a_query(machine, serve):
    machine.env["OPENAI_BASE_URL"] = "http://127.0.0.1:9/v1?key=of-the-test"
    return asked("no address of a server: 'http://127.0.0.1:9/v1'", "accepted: an http")


def a_server_without_models(machine, serve):
    server = serve("pong", models=())
    machine.configure(f'[providers.openai]\nbase_url = "{server.url}/v1"\n')
    machine.env["LLMREPL_MODEL"] = "demo/assistant"
    return Found("provider", "warning", "it has no model", "see whether its key may use any", ())


def a_model_that_nobody_says_where_it_is(machine, serve):
    machine.configure('[models]\nregions = ["eu"]\n')
    machine.env["GROQ_API_KEY"] = "gsk_of_the_test"
    fix = "llmrepl config set providers.groq.region"
    return Found("provider", "warning", "nobody says where", fix, ("--model", "groq/x"))


def a_server_that_is_down(machine, serve):
    return asked(f"No server answers at {NOBODY}", "start it with `ollama serve`", "ollama/x")


def a_model_that_is_missing(machine, serve):
    serve(Refused(404), models=("llama3.2",))
    return asked("has no model 'lama'", "it has llama3.2", "openai/lama")


def a_name_that_nobody_knows(machine, serve):
    machine.env["OPENAI_BASE_URL"] = "http://no-such-host.invalid/v1"
    return asked("No server answers at http://no-such-host.invalid", "OPENAI_BASE_URL")


def a_service_that_is_slow(machine, serve):
    serve(Reply("pong", delay=600))
    return asked("no answer within 1 s", "--timeout", "openai/x", "--timeout", "1")


def a_service_that_is_busy(machine, serve):
    serve(Refused(429, headers={"retry-after": "7"}))
    return asked("is busy", "try again in 7 s")


def a_context_that_is_too_small(machine, serve):
    serve("pong")
    machine.configure("[providers.ollama.options]\nnum_ctx = 2048\n")
    fix = "llmrepl config set providers.ollama.options.num_ctx 8192"
    return asked("a context of 2048 tokens", fix, "ollama/x")._replace(status="warning")


def a_machine_without_bubblewrap(machine, serve):
    fix = "apt install bubblewrap"
    return Found("sandbox", "failed", "no bwrap on PATH", fix, DEMO, WITHOUT_BUBBLEWRAP)


def a_sandbox_that_is_reduced(machine, serve):
    machine.configure('[sandbox]\ntier = "reduced"\n')
    return Found("sandbox", "warning", "REDUCED sandbox", "install bubblewrap")


def a_disk_that_is_full(machine, serve):
    machine.sessions.mkdir(parents=True)
    small = ("bwrap", "--dev-bind", "/", "/", "--size", "2000000", "--tmpfs")
    command = (*small, str(machine.sessions), "--", LLMREPL)
    return Found("disk", "failed", "only 1 MiB are free", "free some space", DEMO, command)


def a_session_that_is_damaged(machine, serve):
    log = session(machine)
    log.write_bytes(log.read_bytes().replace(b"Hello.", b"Helmo."))
    return Found("sessions", "warning", "1 of 1 sessions are damaged: mine", "--resume mine")


def a_note_of_a_process_that_is_gone(machine, serve):
    session(machine).with_name("mine.holder").write_text("{}\n")
    return Found("sessions", "warning", "1 note of processes", "check --fix", repaired=True)


def indexed(machine):
    session(machine)
    file = search_index(machine.env, machine.sessions)
    with SearchIndex(machine.sessions, file) as index:
        index.update()
    return file


def an_index_that_is_damaged(machine, serve):
    file = indexed(machine)
    content = file.read_bytes()
    file.write_bytes(content[:4096] + bytes(4096) + content[8192:])
    return Found("index", "warning", "is damaged", "check --fix", repaired=True)


def an_index_that_is_none(machine, serve):
    indexed(machine).write_text("nothing of the kind " * 99)
    return Found("index", "warning", "is damaged", "check --fix", repaired=True)


def an_index_with_a_session_that_is_gone(machine, serve):
    indexed(machine)
    (machine.sessions / "mine.jsonl").unlink()
    return Found("index", "warning", "1 session that is gone", "check --fix", repaired=True)


def a_usage_database_that_is_damaged(machine, serve):
    file = usage_database(machine.env)
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as base:
        base.execute("CREATE TABLE calls (id INTEGER)")
        base.commit()
    file.write_bytes(file.read_bytes()[:4096] + b"damage" * 999)
    file.write_bytes(b"no database" * 999)
    return Found("usage", "warning", "is damaged", f"mv {file}")


def a_ledger_that_cannot_be_read(machine, serve):
    file = usage_database(machine.env)
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as base:
        base.executescript("CREATE TABLE charges (key); PRAGMA user_version = 3")
    return Found("usage", "warning", "no such column: cost", f"mv {file}")


def a_budget_that_is_nearly_spent(machine, serve):
    serve(Reply("pong", usage=Usage(100, 20)))
    price = '[prices."openai/tea"]\ninput = 0\noutput = 10000\n'
    machine.configure(f"{price}[budgets]\nday = 0.22\n")
    ran = machine.run("run", "--model", "openai/tea", "hello", LLMREPL_MAX_TOKENS="21")
    assert ran.code == 0
    message = "$0.20 of $0.22 is spent, and calls stop at its end"
    return Found("usage", "warning", message, "raise budgets.day")


def an_audit_log_that_was_changed(machine, serve):
    machine.run("exec", stdin="1 + 1")
    log = machine.home / ".local/share/llmrepl/audit/log.jsonl"
    log.write_bytes(log.read_bytes().replace(b"1 + 1", b"2 + 2"))
    return Found("audit", "warning", "damaged: ", "a new log begins once")


def a_plugin_that_cannot_be_loaded(machine, serve):
    package(machine, "third", points="[llmrepl.displays]\nthird = no_such_module:Display\n")
    return Found("plugins", "failed", "no_such_module", "pip uninstall third")


def a_check_that_breaks(machine, serve):
    folder = package(machine, "third", points="[llmrepl.checks]\nthird = third_check:look\n")
    (folder / "third_check.py").write_text("async def look(site):\n    return 1 / 0\n")
    return Found("third", "failed", "the check broke: ZeroDivisionError", "report it")


def a_package_of_the_wrong_version(machine, serve):
    package(machine, "ollama", "0.1.0")
    return Found("dependencies", "failed", "ollama 0.1.0 is installed", "pip install")


def a_terminal_without_unicode(machine, serve):
    machine.env["LANG"] = "de_DE.ISO-8859-1"
    return Found("terminal", "warning", "de_DE.ISO-8859-1 is not UTF-8", "export LC_ALL=C.UTF-8")


def a_terminal_without_colours(machine, serve):
    machine.env["TERM"] = "dumb"
    return Found("terminal", "warning", "TERM is dumb", "export TERM=")


def a_keyring_that_does_not_answer(machine, serve):
    machine.env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    machine.configure("[providers.groq]\nkeyring = true\n")
    return Found("keyring", "failed", "no keyring answers here", "set-key NAME --file PATH")


def a_keyring_that_is_not_installed(machine, serve):
    folder = package(machine, "third")
    (folder / "keyring.py").write_text("raise ImportError('not installed')\n")
    machine.configure("[providers.groq]\nkeyring = true\n")
    return Found("keyring", "failed", "the package keyring is missing", "pip install")


FAULTS = tuple(fault for name, fault in list(globals().items()) if name.startswith(("a_", "an_")))
