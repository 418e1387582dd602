"""Keys of providers: from a variable, the keyring, a file; each goes to its provider alone."""

import json
import secrets

import pexpect
import pytest

from llmrepl.testing import ModelServer, Refused
from tests.cli.machine import LLMREPL
from tests.docs.console import ROOT
from tests.secrets.canaries import forms


@pytest.fixture
def ring(machine):
    """The file of a keyring."""
    file = machine.root / "ring"
    machine.env |= {
        "PYTHON_KEYRING_BACKEND": "tests.cli.ring.FileRing",
        "PYTHONPATH": str(ROOT),
        "RING": str(file),
    }
    return file


@pytest.fixture
def key():
    return f"sk-canary-{secrets.token_hex(12)}"


def keep(machine, key, *args, provider="openai"):
    ran = machine.run("config", "set-key", provider, *args, stdin=f"{key}\n")
    assert ran.code == 0, ran
    assert key not in ran.out + ran.err
    return ran


def sources(machine, **env):
    """Where `config show` says that keys come from, by provider."""
    ran = machine.run("config", "show", "--json", **env)
    rows = map(json.loads, ran.lines)
    return {
        row["key"].split(".")[1]: (row["value"], row["source"])
        for row in rows
        if row["key"].endswith(".api_key")
    }


def sent(server):
    """The keys that requests came with."""
    return [dict(exchange.headers).get("authorization") for exchange in server.requests]


def test_a_key_in_the_keyring_reaches_its_provider(machine, serve, ring, key):
    server = serve("Hello.")
    ran = keep(machine, key)
    assert "the key of openai is in the system's keyring" in ran.err
    assert key in ring.read_text()
    assert machine.run("run", "--model", "openai/x", "hello").out == "Hello.\n"
    assert sent(server) == [f"Bearer {key}"]
    assert sources(machine, OPENAI_API_KEY=None) == {
        "groq": ("********", "GROQ_API_KEY"),
        "openai": ("********", "the system's keyring"),
    }


def test_a_key_in_a_file_reaches_its_provider(machine, serve, key):
    server = serve("Hello.")
    file = machine.home / "keys" / "openai"
    keep(machine, key, "--file", str(file))
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert machine.run("run", "--model", "openai/x", "hello").code == 0
    assert sent(server) == [f"Bearer {key}"]
    assert sources(machine)["openai"] == ("********", str(file))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_that_others_can_open_is_not_used(machine, serve, key, mode):
    server = serve("Hello.")
    file = machine.home / "key"
    keep(machine, key, "--file", str(file))
    file.chmod(mode)
    ran = machine.run("run", "--model", "openai/x", "hello")
    assert ran.code == 4
    assert f"whose mode is {mode:04o}: others can open it" in ran.err
    assert f"chmod 600 {file}" in ran.err
    assert server.requests == []
    assert "others can open it" in sources(machine)["openai"][1]


@pytest.mark.parametrize("content", ["", "two\nlines\n", "x" * 20_000])
def test_a_file_that_holds_no_key_is_told(machine, serve, content):
    serve("Hello.")
    file = machine.home / "key"
    file.write_text(content)
    file.chmod(0o600)
    machine.configure(f'[providers.openai]\napi_key_file = "{file}"\n')
    ran = machine.run("run", "--model", "openai/x", "hello")
    assert (ran.code, "does not hold a key" in ran.err) == (4, True)


def test_a_file_that_is_not_there_is_told_with_what_writes_it(machine, serve):
    serve("Hello.")
    machine.configure('[providers.openai]\napi_key_file = "/nowhere/key"\n')
    ran = machine.run("run", "--model", "openai/x", "hello")
    assert ran.code == 4
    assert "`llmrepl config set-key openai --file /nowhere/key` writes it" in ran.err


def test_the_order_is_that_of_the_manual(machine, serve, ring):
    """Each source is taken away in turn, and the next one is used."""
    server = serve(*["Hello."] * 5)
    file = machine.home / "key"
    keep(machine, "key-of-the-keyring")
    keep(machine, "key-of-the-file", "--file", str(file))
    lines = [
        'api_key_env = "MY_KEY"',
        "keyring = true",
        f'api_key_file = "{file}"',
        'api_key = "key-of-the-settings"',
    ]
    machine.env |= {"MY_KEY": "key-of-my-variable", "OPENAI_API_KEY": "key-of-the-usual-one"}
    for start in range(len(lines) + 1):
        machine.configure("\n".join(["[providers.openai]", *lines[start:]]) + "\n")
        assert machine.run("run", "--model", "openai/x", "hello").code == 0
    assert sent(server) == [
        "Bearer key-of-my-variable",
        "Bearer key-of-the-keyring",
        "Bearer key-of-the-file",
        "Bearer key-of-the-settings",
        "Bearer key-of-the-usual-one",
    ]


def test_a_key_that_was_removed_is_gone(machine, serve, ring, key):
    keep(machine, key)
    file = machine.home / "key"
    keep(machine, key, "--file", str(file), provider="groq")
    for provider in ("openai", "groq"):
        ran = machine.run("config", "remove-key", provider)
        assert (ran.code, ran.err.startswith("removed ")) == (0, True)
        assert (
            machine.run("config", "remove-key", provider).err == f"no key of {provider} is kept\n"
        )
    assert key not in ring.read_text()
    assert not file.exists()
    assert sources(machine, GROQ_API_KEY=None, OPENAI_API_KEY=None) == {}
    assert "keyring" not in machine.user_file.read_text()


def test_what_cannot_be_kept_is_refused(machine, ring):
    for given, said in (("\n", "no key was given"), ("two words\n", "holds characters that no")):
        ran = machine.run("config", "set-key", "groq", stdin=given)
        assert (ran.code, said in ran.err) == (4, True)
    ran = machine.run("config", "set-key", "grok", stdin="key\n")
    assert (ran.code, "there is no provider grok" in ran.err) == (2, True)
    ring.write_text("locked")
    ran = machine.run("config", "set-key", "groq", stdin="key\n")
    assert (ran.code, "cannot be used: the keyring is locked" in ran.err) == (4, True)
    assert not machine.user_file.exists()


def test_a_keyring_that_is_locked_is_told_where_its_key_is_wanted(machine, serve, ring, key):
    server = serve("Hello.")
    keep(machine, key)
    ring.write_text("locked")
    ran = machine.run("run", "--model", "openai/x", "hello")
    assert (ran.code, "the keyring is locked" in ran.err) == (4, True)
    assert machine.run("run", "--model", "demo/assistant", "hello").code == 0
    assert server.requests == []


def test_a_typed_key_is_not_shown(machine, ring, key):
    typed = pexpect.spawn(
        LLMREPL,
        ["config", "set-key", "groq"],
        env=machine.environment(),
        cwd=str(machine.project),
        encoding="utf-8",
        timeout=30,
    )
    typed.expect("the key of groq: ")
    typed.waitnoecho()
    typed.sendline(key)
    typed.expect(pexpect.EOF)
    typed.close()
    assert typed.exitstatus == 0
    assert key not in typed.before
    assert key in ring.read_text()


@pytest.mark.parametrize("kept", ["keyring", "file", "variable"])
def test_a_key_stands_nowhere_but_where_it_was_put_and_goes_to_nobody_else(
    machine, serve, chat, ring, key, kept
):
    """Two services: each gets its own key, though the model repeats it, and a service scolds it."""
    block = f"<helpers>\nprint({key!r})\n</helpers>\n"
    mine = serve(f"Look: {key}\n\n{block}", "Done.", Refused(401, {"error": f"no: {key}"}))
    place = machine.home / "key"
    if kept == "keyring":
        keep(machine, key)
        place = ring
    elif kept == "file":
        keep(machine, key, "--file", str(place))
    else:
        machine.env["OPENAI_API_KEY"] = key
    told = []
    with ModelServer(["Hello."] * 9) as other:
        machine.env["GROQ_BASE_URL"] = other.url
        for args in (
            ("run", "--session", "s", "--model", "openai/x", "--approval", "auto", "go"),
            ("run", "--session", "s", "--model", "groq/y", f"and {key}?"),
            ("check", "--json"),
            ("check", "--json", "--model", "groq/y"),
            ("check", "--prometheus", "--model", "groq/y"),
            ("config", "show"),
            ("config", "show", "--json"),
            ("models",),
            ("sessions", "show", "s"),
            ("audit", "export"),
            ("usage", "--by", "model", "--json"),
        ):
            ran = machine.run(*args)
            assert ran.code in (0, 1), ran
            told.append(ran.out + ran.err)
        terminal = chat("--model", "groq/y")
        terminal.turn(f"is it {key}?", "Hello.")
        for command in ("/check provider", "/cost", "/context", "/models"):
            terminal.say(command)
            terminal.wait("❯")
        assert terminal.leave() == 0
        shown = terminal.raw.replace(f"is it {key}?".encode(), b"")  # what a person types is shown
        assert inside(shown, key) is False
        assert len(other.requests) >= 3
        for exchange in other.exchanges:
            assert inside(f"{exchange.path} {exchange.headers}".encode(), key) is False
            assert inside(exchange.content, key) is False
    assert sent(mine)[0] == f"Bearer {key}"
    for exchange in mine.exchanges:
        assert inside(exchange.content, key) is False
    assert [text for text in told if inside(text.encode(), key)] == []
    written = [path for path in machine.root.rglob("*") if path.is_file()]
    assert [p for p in written if p != place and inside(p.read_bytes(), key)] == []


def inside(data, key):
    return any(form in data for form in forms(key))
