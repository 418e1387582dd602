"""A home, a project and a way to load what is configured there; and values for every setting."""

from pathlib import Path

from hypothesis import HealthCheck, settings

from llmrepl.config import kinds, load
from llmrepl.config.actions import ACTIONS
from llmrepl.config.key_names import ACCEPTS as KEYS
from llmrepl.config.settings import SETTINGS

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For property tests that work on files: how long a disk takes says nothing about the code."""

PLAIN = [setting for setting in SETTINGS if "<" not in setting.key]
NAMED = [setting for setting in SETTINGS if "<" in setting.key]


class World:
    """One person's machine below `root`."""

    def __init__(self, root):
        self.home = root / "home"
        self.project = self.home / "code" / "project"
        self.user_file = self.home / ".config" / "llmrepl" / "config.toml"
        self.project_file = self.project / ".llmrepl.toml"
        (self.project / ".git").mkdir(parents=True)
        self.user_file.parent.mkdir(parents=True)
        self.environ = {"HOME": str(self.home)}

    def user(self, text, mode=0o600):
        self.user_file.write_text(text)
        self.user_file.chmod(mode)
        return self

    def in_project(self, text):
        self.project_file.write_text(text)
        return self

    def load(self, flags=None, cwd=None, **environ):
        return load(flags or {}, {**self.environ, **environ}, cwd or self.project)


def filled(key):
    """A key of the table with names for its placeholders, as TOML writes it."""
    names = {"<name>": "ollama", "<model>": '"groq/some-1.5"', "<option>": "num_ctx"}
    return ".".join(names.get(part, part) for part in key.split("."))


RECIPIENT = f"age1{'q' * 58}"

# For each setting four values as TOML, each stricter than the one before where there is such a
# thing: for the user file, the project file, a variable and a flag.
FOUR = {
    "model": ('"a/1"', '"b/2"', '"c/3"', '"d/4"'),
    **{
        f"models.{purpose}": (
            '"a/1"',
            '["b/2", "auto:fastest"]',
            '["c/3"]',
            '["d/4", ["e/5", "f/6"]]',
        )
        for purpose in ("main", "fast", "vision", "compact", "pool")
    },
    "models.regions": ('["eu", "us"]', '["eu"]', '["ch"]', '["us-east-1", "eu"]'),
    "models.patience": ("1", "2.5", "0", "3600"),
    "models.tools": ('"native"', '"blocks"', '"auto"', '"native"'),
    "system": ('"/s/1"', '"prompt.md"', '"/s/3"', '"/s/4"'),
    "approval": ('"auto"', '"ask"', '"deny"', '"auto"'),
    "sandbox.tier": ('"reduced"', '"auto"', '"reduced"', '"off"'),
    "sandbox.python": ('"/p/1"', None, '"/p/3"', '"/p/4"'),
    "sandbox.project": ('"copy"', '"read-only"', '"copy"', '"read-only"'),
    "sandbox.write": ('["/w", "/v"]', '["/w/inside"]', '["/x"]', '["/y", "/z"]'),
    "sandbox.net": ('["a.org", "b.org:80"]', '["b.org:80"]', '["c.org"]', '["*.d.org"]'),
    "sandbox.timeout": ("9", "8", "7", "6.5"),
    "sandbox.timeout_max": ("400", "300", "200.5", "100"),
    "sandbox.memory": ('"512MiB"', '"256MiB"', '"2GiB"', "33554432"),
    "sandbox.processes": ("40", "30", "20", "10"),
    "sandbox.output": ('"100KiB"', '"90KiB"', '"1MB"', "2048"),
    "sandbox.env": ('["A", "B"]', '["B"]', '["C"]', '["D"]'),
    "redact": ('["first-secret"]', None, '["third-secret"]', '["fourth-secret"]'),
    "limits.max_steps": ("40", "30", "20", "10"),
    "limits.turn_seconds": ("400", "300.5", "200", "100"),
    "limits.budget": ("4.1", "3", "2", "0.1"),
    **{
        f"budgets.{scope}": ("4.1", "3", "2", "0.1")
        for scope in ("step", "turn", "day", "month", "project", "user")
    },
    "budgets.warn": (
        '["day", "month", "turn", "user"]',
        '["day", "month", "turn"]',
        '["day", "month"]',
        '["day"]',
    ),
    "context.window": ("4096", "8192", "16384", "256"),
    "context.compact": ("false", "true", "false", "true"),
    "sessions.directory": ('"/d/1"', None, '"/d/3"', '"/d/4"'),
    "sessions.save": ("false", None, "true", "false"),
    "sessions.keep_days": ("400", None, "300", "1"),
    "sessions.keep_size": ('"1GiB"', None, '"100MiB"', "2048"),
    "sessions.keep_tags": ('["a", "b-c"]', None, '["keep"]', '["z"]'),
    "sessions.prune": ("true", None, "false", "true"),
    "sessions.encrypt": ('["keyring"]', None, f'["{RECIPIENT}"]', f'["{RECIPIENT}", "keyring"]'),
    "sessions.identity": ('"/i/1"', None, '"/i/3"', '"/i/4"'),
    "ui.display": ('"plain"', None, '"my-plugin"', '"auto"'),
    "ui.theme": ('"dark"', '"light"', '"none"', '"auto"'),
    "ui.screen_reader": ("true", None, "false", "true"),
    "ui.bell": ("1", None, "0", "2.5"),
    "ui.title": ("false", None, "true", "false"),
    "ui.editing_mode": ('"vi"', '"emacs"', '"vi"', '"emacs"'),
    **{f"keys.{action.name}": ('"f5"', None, '"f6"', '["f7", "alt-x"]') for action in ACTIONS},
    "seed": ("1", "2", "3", "4"),
    "max_tokens": ("1", "2", "3", "4"),
    "temperature": ("0.1", "2", "1", "0"),
}

# For each kind of value, by what it accepts, some TOML that it does not accept.
WRONG = {
    "a text that is not empty": ["1", "true", '""', '"  "', "[]", "{}"],
    "": ['"maybe"', "1", "true", '["auto"]'],
    kinds.CHAIN.accepts: [
        '"llama"', "1", "[]", "[[]]", '["groq/a", 1]', '[["groq/a", "auto:fastest"]]', '"auto:x"',
    ],
    kinds.MODEL.accepts: ['"llama"', '"/x"', '"groq/"', "1", '""'],
    "an address that begins with http:// or https://": ['"localhost:1"', '"ftp://x"', "1", '"http://"'],
    "the name of an environment variable": ['"1X"', '"A B"', "1", '""', '"A=1"'],
    "a list of `keyring` and age recipients": ['"keyring"', '["keys"]', "[1]", '["age1", ""]'],
    kinds.REGION.accepts: ['"EU"', '"e u"', '""', "1", '["eu"]', '"-eu"'],
    kinds.REGIONS.accepts: ['"eu"', '["EU"]', "[1]", '["eu", ""]', '["eu/west"]'],
    "a list of words": ['"keep"', '["A B"]', "[1]", '["A", ""]'],
    "a list of names of environment variables": ['"A"', '["A B"]', "[1]", '["A", ""]'],
    "a list of texts of 8 characters or more": [
        '"secret-text"', '["short"]', '["long-enough", "       short"]', "[123456789]",
    ],
    "a list of HOST or HOST:PORT": ['"a.org"', '["a.org:0"]', '["http://a.org"]', "[1]", '["*"]'],
    "a path": ["1", "true", '""', '["/x"]', '"a\\u0000b"'],
    "a list of paths": ['"/x"', "[1]", '[""]', '["/x", "a\\u0000b"]'],
    KEYS: ['"x"', '"ctrl-enter"', '"ctrl-"', '"hyper-x"', '""', "1", '["f5", "nokey"]', "true"],
    "a whole number": ['"5"', "5.5", "true", "-1", "[5]", "99999999999999999999"],
    "one word": ['"two words"', '""', '"-x"', "1", '["plain"]'],
    "a number": ['"1"', "true", "-1", "inf", "nan", "3"],
    "a number of seconds": ['"30"', '"30s"', "true", "0", "-1", "inf", "nan", "1e9"],
    "a number of US dollars": ['"cheap"', "true", "-1", "inf", "nan"],
    "true or false": ['"true"', "1", "0", "[]"],
    'a number of bytes or a size such as "512MiB" or "1GiB"': [
        '"much"', '"1 gib"', '"1XB"', "true", "1.5", "1", "-5", '""',
    ],
    "a text, number, boolean, array or table": ["1979-05-27", "07:32:00", "[1979-05-27]"],
}  # fmt: skip


def toml_for(key, literal):
    """A file that sets one key in its table, on line 3."""
    table, _, leaf = filled(key).rpartition(".")
    return (
        f"# settings\n[{table}]\n{leaf} = {literal}\n"
        if table
        else f"# one\n\n{leaf} = {literal}\n"
    )


def path(*parts):
    return Path("/", *parts)
