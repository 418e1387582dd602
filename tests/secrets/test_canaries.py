"""No secret reaches the model, a log or the screen, whatever a block does to print it."""

import pytest

from llmrepl.audit.reading import entries, verify
from llmrepl.testing import Refused
from tests.secrets.canaries import Canaries

PRINTS = """import base64, os, sys, time
from pathlib import Path
secret = os.environ["SHOWN_TOKEN"]
print("whole", secret)
print(secret[:20], end="", flush=True)
time.sleep(0.2)
print(secret[20:], file=sys.stdout, flush=True)
print("stderr", secret, file=sys.stderr)
print(base64.b64encode(secret.encode()).decode(), [secret], {secret: 1})
print(Path("service/url.py").read_text())
try:
    print(Path(".env").read_text())
except OSError as error:
    print("not shown", error)
Path("/tmp/artifacts").mkdir()
Path("/tmp/artifacts/" + secret.replace("/", "_")).write_text(secret)
Path("/tmp/artifacts/" + secret).parent.mkdir(parents=True)
Path("/tmp/artifacts/" + secret).write_text(secret)
secret
"""
RAISES = """class Wrong(Exception): pass
raise Wrong("it is " + secret, Path("service/url.py").read_bytes())
"""
SHELL = """env; cat .env service/.env service/url.py; echo "$SHOWN_TOKEN" >&2
for ((i = 0; i < ${#SHOWN_TOKEN}; i++)); do printf %s "${SHOWN_TOKEN:i:1}"; sleep 0.002; done
mkdir "$(dirname "$SHOWN_TOKEN")"; echo "$SHOWN_TOKEN" > "$SHOWN_TOKEN"
cd "/nowhere/$SHOWN_TOKEN"
printf %s "$SHOWN_TOKEN" | base64 -w0
$SHOWN_TOKEN
"""


@pytest.fixture
def server(serve):
    return serve()


@pytest.fixture
def canaries(machine, server):
    return Canaries(machine, server)


def block(code, lang="python"):
    return f'Let me see.\n\n<helpers lang="{lang}">\n{code}</helpers>\n'


def replies(canaries):
    """What a model says that tries to get at the secrets, and that knows some of them."""
    known = canaries.all
    texts = [f"I know {name}: {value}" for name, value in known.items()]
    code = "".join(f"print({value!r}, {value.encode()!r})\n" for value in known.values())
    return [
        block(PRINTS),
        block(RAISES),
        block(SHELL, "bash"),
        block(f"# {' '.join(known.values())}\n{code}"),
        "\n".join(texts),
    ]


def script(server, items):
    """Let the server answer with `items`."""
    server._script = type(server)(items)._script


def nothing_leaked(canaries, server, *screens):
    assert canaries.in_files() == []
    assert canaries.in_requests(server) == []
    assert [canaries.inside(screen) for screen in screens] == [[]] * len(screens)


@pytest.mark.parametrize("output", ["text", "json", "stream-json"])
def test_a_run_leaks_no_secret(machine, server, canaries, output):
    script(server, replies(canaries))
    ran = machine.run("run", "--output", output, stdin=f"Find out: {canaries.hidden}\n")
    assert (ran.code, len(server.requests)) == (0, 5)
    assert "I know key: [redacted:providers.openai.api_key]" in ran.out
    sent = server.requests[-1].content.decode()
    assert "[redacted:SHOWN_TOKEN]" in sent
    assert "[redacted:URL]" in sent
    assert "Find out: [redacted:HIDDEN_PASSWORD]" in sent
    nothing_leaked(canaries, server, ran.out, ran.err)


def test_the_tests_would_find_what_leaks(machine, server, canaries):
    """Secrets that are too short, or in no place that is looked into, are not known."""
    script(server, [block("print('canary', 6 * 7)\n"), "done"])
    canaries.hidden = "canary 42"
    ran = machine.run("run", "go", "--session", "mine")
    assert ran.code == 0
    assert ("mine.jsonl", "hidden") in [(path.name, name) for path, name in canaries.in_files()]
    assert canaries.in_requests(server) == ["hidden"]


def test_a_chat_leaks_no_secret_but_what_a_person_types(machine, server, canaries, chat):
    script(server, [*replies(canaries), *replies(canaries)[-1:] * 3, "Bye."])
    terminal = chat()
    terminal.turn("Find out.", "I know below", "[redacted:URL]")
    for command in ("/diff", "/models", "/check", "/sessions", "/system", "/model openai/y"):
        terminal.say(command)
        terminal.wait("❯")
    terminal.settle()
    assert canaries.inside(terminal.raw) == []
    assert canaries.inside(terminal.text) == []
    terminal.turn(f"It is {canaries.hidden}, is it?", "Bye.")
    assert terminal.leave() == 0
    nothing_leaked(canaries, server)
    assert "[redacted:HIDDEN_PASSWORD], is it?" in server.requests[-1].content.decode()
    assert verify(machine.home / ".local/share/llmrepl/audit").damage is None


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_block_alone_leaks_no_secret(machine, server, canaries, form):
    literal = f"# {canaries.configured}\nprint({canaries.key!r})\n"
    screens = []
    for lang, code in (("python", literal + PRINTS), ("python", PRINTS + RAISES), ("bash", SHELL)):
        ran = machine.run("exec", "--lang", lang, *form, stdin=code)
        assert "[redacted:SHOWN_TOKEN]" in ran.out + ran.err
        screens += ran.out, ran.err
    nothing_leaked(canaries, server, *screens)


def test_an_error_of_a_service_leaks_no_secret(machine, server, canaries):
    message = f"Incorrect API key provided: {canaries.key}, {canaries.hidden}"
    wrong = {"error": {"message": message}}
    screens = []
    for args in (("run", "go"), ("check", "provider"), ("models",)):
        script(server, [Refused(401, wrong)])
        ran = machine.run(*args)
        screens += ran.out, ran.err
    assert "Incorrect API key provided: " in screens[1]
    nothing_leaked(canaries, server, *screens)


def test_what_llmrepl_tells_of_itself_leaks_no_secret(machine, server, canaries):
    script(server, ["pong"])
    machine.run("exec", stdin="1")
    commands = (
        *(("config", "show"), ("config", "show", "--json"), ("config", "get", "redact")),
        *(("audit", "show"), ("audit", "show", "--json"), ("audit", "export"), ("check",)),
        ("sessions", "list"),
    )
    screens = []
    for args in commands:
        ran = machine.run(*args)
        screens += ran.out, ran.err
    nothing_leaked(canaries, server, *screens)


def test_a_session_that_is_older_than_a_secret_leaks_it_no_further(machine, server, canaries):
    later = "not-yet-a-secret-7f3a9c52e18b"
    script(server, [f"Take {later}.", "Again?"])
    machine.run("run", "--session", "old", f"Use {later}.")
    machine.env["LATER_TOKEN"] = later
    shown = machine.run("sessions", "show", "old").out + machine.run("sessions", "list").out
    ran = machine.run("run", "--session", "old", "again")
    assert (ran.out, ran.code) == ("Again?\n", 0)
    assert shown.count("[redacted:LATER_TOKEN]") == 3
    assert later not in shown
    assert later not in server.requests[-1].content.decode()
    assert "Take [redacted:LATER_TOKEN]." in server.requests[-1].content.decode()


def test_what_was_audited_is_still_of_use(machine, server, canaries):
    script(server, replies(canaries))
    machine.run("run", "go")
    log = machine.home / ".local/share/llmrepl/audit"
    started = [data for _, data in entries(log) if data["type"] == "tool.started"]
    assert [data["first_line"] for data in started[:3]] == [
        "import base64, os, sys, time",
        "class Wrong(Exception): pass",
        'env; cat .env service/.env service/url.py; echo "$SHOWN_TOKEN" >&2',
    ]
    assert started[3]["first_line"].startswith("# [redacted:SHOWN_TOKEN] [redacted:HIDDEN_PASS")
