"""The secrets in the `.env` files of a project are found, and its ordinary words are not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.config.dotenv import LARGEST, MOST, looks_made, secrets_of_project, values_in
from llmrepl.config.kinds import SHORTEST
from llmrepl.config.secrets import redactor_of
from llmrepl.redaction import SHORTEST as SHORTEST_REDACTED
from tests.config.world import World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def found(world, cwd=None):
    return dict(secrets_of_project(cwd or world.project, world.home))


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("A=1", "A", "1"),
        ("  export A_B = two words  # and a remark", "A_B", "two words"),
        ("A=with#inside", "A", "with#inside"),
        ("A='single $quoted # all of it' # but this", "A", "single $quoted # all of it"),
        (r'A="double \"quoted\"\nof two lines"', "A", 'double "quoted"\nof two lines'),
        ('A="of\ntwo lines"\nB=2', "A", "of\ntwo lines"),
        ("A=", "A", ""),
        ("A.B-C=1", "A.B-C", "1"),
        ("A='not closed", "A", "'not closed"),
    ],
)
def test_values_are_read_as_other_programs_read_them(line, name, value):
    assert dict(values_in(line))[name] == value


def test_what_is_no_value_is_passed_over():
    assert list(values_in("# A=1\nsome words\n=1\n1A=2\n")) == []


@given(st.text())
def test_any_text_can_be_read(text):
    assert all(isinstance(value, str) for _, value in values_in(text))


def test_a_hostile_file_is_read_in_no_time(world):
    for text in ('A="' + "\\" * LARGEST, "A='\nB=\"\n" * 9000, "A=" + "a" * LARGEST, "A" * LARGEST):
        (world.project / ".env").write_text(text)
        began = time.perf_counter()
        found(world)
        assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    "value", ["7f3a9c52e18b", "https://hooks.example/T01/B02/aZ19kd82Hq0Lx", "id-abcdefghijk1"]
)
def test_what_only_a_machine_writes_is_secret_whatever_its_name(value):
    assert looks_made(value)


@pytest.mark.parametrize(
    "value",
    [
        *("", "production", "eu-central-1", "127.0.0.1:8080", "1234567890123456", "gpt-4o-mini"),
        *("/srv/data/of/the/service", "llama-3.3-70b-versatile", "https://example.org/path"),
        "incomprehensibilities",
    ],
)
def test_words_numbers_and_addresses_are_not_secret(value):
    assert not looks_made(value)


def test_names_passwords_and_what_looks_made_count(world):
    (world.project / ".env").write_text(
        "MODE=production\nAPI_KEY=a plain sentence\nDB=postgres://me:open-sesame@db/x\n"
        "WEBHOOK=https://example.org/7f3a9c52e18b\n"
    )
    assert list(secrets_of_project(world.project, world.home)) == [
        ("API_KEY", "a plain sentence"),
        ("DB", "open-sesame"),
        ("DB", "open-sesame"),
        ("WEBHOOK", "https://example.org/7f3a9c52e18b"),
    ]


def test_files_beside_below_and_above_up_to_the_repository_count(world):
    below = world.project / "service" / "api"
    below.mkdir(parents=True)
    places = {
        "TOP": world.project / ".env",
        "LOCAL": world.project / ".env.local",
        "RC": world.project / ".envrc",
        "MIDDLE": world.project / "service" / ".env",
        "LOW": below / ".env",
        "OUTSIDE": world.project.parent / ".env",
        "EXAMPLE": world.project / ".env.example",
    }
    for name, path in places.items():
        path.write_text(f"{name}_KEY=the-key-of-{name}\n")
    inside = {f"{name}_KEY" for name in places} - {"OUTSIDE_KEY", "EXAMPLE_KEY"}
    assert set(found(world)) == inside
    assert set(found(world, below)) == inside


@pytest.mark.parametrize("above", [True, False])
def test_the_home_directory_is_no_project(world, above):
    (world.home / ".env").write_text("A_KEY=something-secret\n")
    (world.home.parent / ".env").write_text("B_KEY=something-secret\n")
    assert found(world, world.home) == {}
    assert found(world, world.home.parent) == {}
    (world.project / ".git").rmdir()
    assert found(world) == {}


def test_what_cannot_be_read_is_passed_over(world):
    (world.project / ".env").mkdir()
    (world.project / ".env.gone").symlink_to(world.project / "nowhere")
    (world.project / ".env.bytes").write_bytes(b"A_KEY=caf\xe9-something\n")
    assert found(world) == {"A_KEY": "caf\udce9-something"}


def test_a_project_does_not_have_any_number_of_secrets(world):
    (world.project / ".env").write_text("".join(f"K{n}_KEY=secret-{n:05}\n" for n in range(999)))
    assert len(found(world)) == MOST


def test_every_kind_of_secret_is_redacted(world):
    (world.project / ".env").write_text("FILE_KEY=secret-of-the-file\n")
    world.user(
        'redact = ["secret-of-the-setting"]\n'
        '[providers.openai]\napi_key = "secret-of-the-provider"\n'
        'base_url = "https://me:secret-of-the-address@example.org"\n'
        'options = { extra_headers = { x_token = "secret-of-the-option" } }\n'
        '[providers.groq]\napi_key_env = "ODD_NAME"\n'
    )
    environ = {"ODD_NAME": "secret-of-the-odd-name", "MY_TOKEN": "secret-of-the-variable"}
    redactor = redactor_of(world.load().config, environ, world.project)
    kinds = ("file", "setting", "provider", "address", "option", "odd-name", "variable")
    text = redactor.redact(" ".join(f"secret-of-the-{kind}" for kind in kinds))
    assert text.split() == [
        *("[redacted:FILE_KEY]", "[redacted:redact]", "[redacted:providers.openai.api_key]"),
        *("[redacted:providers.openai.base_url]", "[redacted:x_token]"),
        *("[redacted:ODD_NAME]", "[redacted:MY_TOKEN]"),
    ]


def test_a_setting_may_hold_what_is_long_enough_to_be_redacted():
    assert SHORTEST == SHORTEST_REDACTED
