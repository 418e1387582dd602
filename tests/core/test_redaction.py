"""Secrets are taken out of every text, however it arrives and however they are written."""

import asyncio
import base64
import json
import time
from decimal import Decimal
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.errors import ProviderBusy
from llmrepl.events import (
    ApprovalDecided,
    Custom,
    ErrorRaised,
    MessageFinished,
    NetworkRequested,
    ReasoningDelta,
    StepStarted,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolRequested,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parts import Output, Reasoning, Text, ToolCall
from llmrepl.ports import Finish, ReasoningChunk, TextChunk
from llmrepl.redaction import NOTHING, SHORTEST, Redactor, looks_secret, secrets_in
from llmrepl.testing.approver import ScriptedApprover
from llmrepl.testing.executor import Canned, FakeExecutor
from llmrepl.usage import Cost, Price
from tests.core.running import ANSWER, make, one, turn
from tests.core.strategies import events

CANARY = 'cana"ry/é+\\7f3a9c52'
PLAIN = "canary-7f3a9c52e18b"
LABEL = "[redacted:API_KEY]"
REDACTOR = Redactor([("API_KEY", PLAIN)])

letters = st.sampled_from("ab")
values = st.text(letters, min_size=SHORTEST, max_size=14)
secrets = st.lists(values, min_size=1, max_size=4)


@st.composite
def texts_with_secrets(draw):
    """Return secrets, and the pieces of a text in which they, and their beginnings, often stand."""
    known = draw(secrets)
    stretch = st.one_of(
        st.text("abc", max_size=6),
        st.sampled_from(known),
        st.sampled_from(known).flatmap(lambda s: st.integers(0, len(s)).map(lambda n: s[:n])),
    )
    text = "".join(draw(st.lists(stretch, max_size=10)))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    ends = zip([0, *cuts], [*cuts, len(text)], strict=True)
    return known, [text[a:b] for a, b in ends]


def redactor_of(known):
    return Redactor((f"N{number}", value) for number, value in enumerate(known))


@given(texts_with_secrets())
def test_the_result_is_the_same_however_the_text_is_cut(case):
    known, pieces = case
    redactor = redactor_of(known)
    stream = redactor.stream()
    arrived = "".join(stream.feed(piece) for piece in pieces) + stream.close()
    assert arrived == redactor.redact("".join(pieces))


@given(texts_with_secrets())
def test_no_secret_is_left(case):
    known, pieces = case
    redacted = redactor_of(known).redact("".join(pieces))
    assert not [secret for secret in known if secret in redacted]


@given(texts_with_secrets())
def test_what_is_redacted_stays_so(case):
    known, pieces = case
    redactor = redactor_of(known)
    once = redactor.redact("".join(pieces))
    assert redactor.redact(once) == once


@given(texts_with_secrets())
def test_less_than_the_longest_secret_is_held_back(case):
    known, pieces = case
    redactor = redactor_of(known)
    longest = max(map(len, redactor._sorted))
    text = "".join(pieces)
    certain, rest = redactor.split(text)
    assert len(rest) < longest
    assert certain + redactor.redact(rest) == redactor.redact(text)


@given(texts_with_secrets())
def test_everything_but_secrets_stays(case):
    known, pieces = case
    text = "".join(pieces)
    if not any(secret in text for secret in known):
        assert redactor_of(known).redact(text) is text


def test_a_stream_can_be_used_again_after_its_end():
    stream = REDACTOR.stream()
    assert stream.feed(f"x{PLAIN[:9]}") == "x"
    assert stream.close() == PLAIN[:9]
    assert stream.close() == ""
    assert stream.feed(PLAIN) + stream.close() == LABEL


def test_of_two_secrets_that_begin_at_the_same_place_the_longer_one_counts():
    redactor = Redactor([("SHORT_KEY", "abcdefgh"), ("LONG_KEY", "abcdefghijkl")])
    stream = redactor.stream()
    assert stream.feed("abcdefgh") == ""
    assert stream.feed("i") == ""
    assert stream.feed("x") + stream.close() == "[redacted:SHORT_KEY]ix"
    assert redactor.redact("abcdefghijkl") == "[redacted:LONG_KEY]"


def test_a_value_of_two_names_goes_by_the_first():
    redactor = Redactor([("A_KEY", PLAIN), ("B_KEY", PLAIN)])
    assert redactor.redact(PLAIN) == "[redacted:A_KEY]"


@pytest.mark.parametrize("value", ["", "short", "1234567", "  seven77  "])
def test_a_short_value_is_no_secret(value):
    assert not Redactor([("API_KEY", value)])


def test_white_space_around_a_value_is_no_part_of_it():
    assert Redactor([("API_KEY", f"  {PLAIN}\n")]).redact(f"<{PLAIN}>") == f"<{LABEL}>"


def test_a_name_brings_nothing_but_letters_into_the_text():
    assert Redactor([("A KEY]\x1b", PLAIN)]).redact(PLAIN) == "[redacted:A_KEY__]"


ENCODED = {
    "plain": CANARY,
    "json": json.dumps({"key": CANARY}),
    "json in UTF-8": json.dumps({"key": CANARY}, ensure_ascii=False),
    "python": repr({"key": CANARY}),
    "url": f"https://host/?key={quote(CANARY, safe='')}&x=1",
    "path": f"https://host/{quote(CANARY)}",
    "form": f"key={quote_plus(CANARY)}",
    "url in lower case": "key=cana%22ry%2f%c3%a9%2b%5c7f3a9c52",
}


@pytest.mark.parametrize("form", ENCODED)
def test_the_usual_encodings_are_found(form):
    redacted = Redactor([("API_KEY", CANARY)]).redact(ENCODED[form])
    assert LABEL in redacted
    assert "cana" not in redacted
    assert "7f3a" not in redacted


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("after", ["", "\n", "and more"])
def test_base64_is_found_wherever_the_secret_stands_in_it(encode, before, after):
    encoded = encode(f"{before}{CANARY}{after}".encode()).decode()
    redacted = Redactor([("API_KEY", CANARY)]).redact(encoded)
    kept = redacted.replace(LABEL, "")
    assert LABEL in redacted
    assert len(kept) <= len(encode(f"{before}{after}".encode())) + 4


def test_lines_of_a_secret_of_several_lines_are_secret_too():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\nshort\n-----END"
    redactor = Redactor([("SSH_KEY", key)])
    shown = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n..."
    assert redactor.redact(shown) == "-----BEGIN KEY-----\n[redacted:SSH_KEY]\n..."
    assert redactor.redact("short") == "short"
    assert redactor.redact(key) == "[redacted:SSH_KEY]"


def test_a_variable_that_is_no_text_can_be_a_secret():
    assert Redactor([("API_KEY", "bytes\udcff-and-more")]).redact("x") == "x"


def test_the_time_is_linear_in_a_text_that_is_nearly_all_secret():
    redactor = Redactor([("API_KEY", "a" * 200 + "b"), ("OTHER_KEY", "a" * 300)])
    began = time.process_time()
    redactor.redact("a" * 1_000_000)
    stream = redactor.stream()
    for _ in range(2000):
        stream.feed("a" * 50)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "name",
    [
        *("GROQ_API_KEY", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "DB_PASSWORD"),
        *("PGPASSWORD", "MYSQL_PWD", "npm_config__auth", "apikey", "CREDENTIALS", "GH_PAT"),
        *("SMTP_PASS", "SESSION_COOKIE", "GPG_PASSPHRASE"),
    ],
)
def test_names_that_look_secret(name):
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "HOME", "PWD", "OLDPWD", "SSH_AUTH_SOCK", "GPG_KEY", "XKB_KEYBOARD", "LANG"),
        *("GOOGLE_APPLICATION_CREDENTIALS", "AWS_SHARED_CREDENTIALS_FILE", "GIT_AUTHOR_NAME"),
        *("TOKENIZERS_PARALLELISM", "LLMREPL_MAX_TOKENS", "COMPASS", "XAUTHORITY"),
    ],
)
def test_names_that_only_sound_secret(name):
    assert not looks_secret(name)


def test_secrets_are_found_by_name_in_urls_and_in_nested_options():
    values = {
        "HOME": "/home/ann",
        "DATABASE_URL": "postgres://ann:p%40ssword1@db/x",
        "API_KEY": PLAIN,
        "headers": {"authorization": "none", "x-api-key": "other-secret"},
        "API_KEY_COUNT": 3,
    }
    assert set(secrets_in(values)) == {
        ("API_KEY", PLAIN),
        ("DATABASE_URL", "p%40ssword1"),
        ("DATABASE_URL", "p@ssword1"),
        ("x-api-key", "other-secret"),
    }


def test_every_text_inside_a_value_is_redacted_and_the_rest_is_the_same():
    value = {PLAIN: [PLAIN, 1, None, (2.5, f"x {PLAIN}")], "price": Decimal(1)}
    assert REDACTOR.scrub(value) == {LABEL: [LABEL, 1, None, (2.5, f"x {LABEL}")], "price": 1}
    event = Custom(name="x", data={"a": PLAIN})
    assert REDACTOR.scrub(event) == Custom(name="x", data={"a": LABEL})
    assert NOTHING.scrub(event) is event
    assert REDACTOR.scrub(Custom) is Custom


@given(events)
def test_an_event_without_a_secret_is_itself(event):
    assert REDACTOR.scrub(event) is event


def test_a_price_is_looked_into_as_well():
    cost = Cost(price=Price(Decimal(1), Decimal(1), source=f"file {PLAIN}"))
    assert REDACTOR.scrub(MessageFinished(parts=(), stop="x", cost=cost)).cost.price.source == (
        f"file {LABEL}"
    )


def test_words_that_the_loop_goes_by_stay_whatever_is_secret():
    words = ["cancelled", "max_tokens", "ProviderBusy", "scripted", "assistant"]
    redactor = Redactor((f"N{number}", word) for number, word in enumerate(words))
    kept = [
        TurnFinished(reason="cancelled"),
        MessageFinished(parts=(), stop="max_tokens"),
        ToolFinished(call_id="cancelled", status="cancelled"),
        StepStarted(provider="scripted", model="assistant"),
        ErrorRaised(kind="ProviderBusy", message="busy"),
    ]
    assert [redactor.scrub(event) for event in kept] == kept
    assert redactor.scrub(ToolFinished(call_id="1", status="ok", reason="cancelled")).reason != (
        "cancelled"
    )


# The runtime: nothing that leaves it, and nothing that is kept, has a secret in it.


def pieces(text, size):
    return [TextChunk(text[i : i + size]) for i in range(0, len(text), size)]


class Chopped(FakeExecutor):
    """Gives its output character by character, on two streams in turn."""

    async def run(self, request):
        self.ran.append(request)
        for character in f"the key is {PLAIN}":
            yield ToolOutput(call_id=request.call_id, stream="stdout", text=character)
            yield ToolOutput(call_id=request.call_id, stream="stderr", text=character)
        yield ToolFinished(
            call_id=request.call_id,
            status="ok",
            parts=(Output("stdout", f"the key is {PLAIN}"),),
            reason=PLAIN,
            artifacts=(f"/tmp/{PLAIN}",),
        )


class Screen:
    """Keeps what it is shown."""

    def __init__(self):
        self.records = []

    def show(self, record):
        self.records.append(record)

    def text(self, kind, **wanted):
        events = [record.event for record in self.records if isinstance(record.event, kind)]
        return "".join(
            event.text
            for event in events
            if all(getattr(event, name) == value for name, value in wanted.items())
        )


def guarded(*replies, **given):
    runtime = make(*replies, **given)
    runtime.edges.redactor = REDACTOR
    screen = Screen()
    runtime.subscribe(screen)
    return runtime, screen


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_a_secret_reaches_neither_the_model_nor_the_log_nor_a_display(size):
    said = f"It is {PLAIN}.\n<helpers>\nprint('{PLAIN}')\n</helpers>\n"
    thought = [ReasoningChunk(chunk.text) for chunk in pieces(f"Hm, {PLAIN}? ", size)]
    reply = [*thought, *pieces(said, size), Finish()]
    runtime, screen = guarded(reply, pieces(PLAIN, size), executor=Chopped())
    asyncio.run(runtime.turn((Text(f"My key: {PLAIN}"),)))
    requests = runtime.edges.provider.requests
    assert len(requests) == 2
    written = repr([requests, runtime.edges.store.records, screen.records, runtime.state])
    assert PLAIN not in written
    assert PLAIN[:-1] not in written
    assert runtime.edges.executor.ran[0].arguments == {"code": f"print('{LABEL}')"}
    assert one(runtime, TurnStarted).prompt == (Text(f"My key: {LABEL}"),)
    assert screen.text(ReasoningDelta) == f"Hm, {LABEL}? "
    assert screen.text(ToolOutput, stream="stdout") == f"the key is {LABEL}"
    assert screen.text(ToolOutput, stream="stderr") == f"the key is {LABEL}"
    assert screen.text(TextDelta) == f"It is {LABEL}.\n{LABEL}"


def test_what_was_held_back_comes_before_what_follows_it():
    begun = PLAIN[:10]
    reply = [ReasoningChunk(begun), TextChunk(begun), ReasoningChunk(begun), Finish()]
    runtime, screen = guarded(reply)
    turn(runtime)
    message = one(runtime, MessageFinished)
    assert message.parts == (Reasoning(begun), Text(begun), Reasoning(begun))
    shown = [record.event.type for record in screen.records if not record.seq]
    assert shown == ["reasoning.delta", "text.delta", "reasoning.delta"]


def test_an_output_that_ends_like_a_secret_begins_is_shown_whole():
    begun = PLAIN[:10]
    runtime, screen = guarded("<helpers>\n1\n</helpers>\n", ANSWER, outputs={"1": begun})
    turn(runtime)
    shown = [record.event.type for record in screen.records]
    assert screen.text(ToolOutput) == begun
    assert shown.index("tool.output") < shown.index("tool.finished")


def test_an_empty_chunk_of_the_other_kind_cuts_no_secret_in_two():
    half = len(PLAIN) // 2
    reply = [TextChunk(PLAIN[:half]), ReasoningChunk(""), TextChunk(PLAIN[half:]), Finish()]
    runtime, screen = guarded(reply)
    turn(runtime)
    assert one(runtime, MessageFinished).parts == (Text(LABEL),)
    runtime, screen = guarded(
        [ReasoningChunk(PLAIN[:half]), TextChunk(""), ReasoningChunk(PLAIN[half:]), Finish()]
    )
    turn(runtime)
    assert one(runtime, MessageFinished).parts == (Reasoning(LABEL),)
    assert screen.text(ReasoningDelta) == LABEL


def test_a_secret_in_a_call_that_was_written_with_escapes_is_found():
    escaped = "".join(f"\\u{ord(character):04x}" for character in PLAIN)
    call = (
        f'<helpers lang="tool">\n[{{"tool": "a", "params": {{"key": "{escaped}"}}}}]\n</helpers>\n'
    )
    runtime, _ = guarded(call, ANSWER, outputs={"a": Canned("1")})
    turn(runtime)
    assert one(runtime, ToolRequested).arguments == {"key": LABEL}
    assert runtime.state.messages[1].parts == (ToolCall("1.1.1", "a", "tool", {"key": LABEL}),)


def test_a_host_that_a_block_asked_for_is_redacted():
    class Asking(FakeExecutor):
        async def run(self, request):
            yield NetworkRequested(host=f"{PLAIN}.example", decision="deny")
            async for event in super().run(request):
                yield event

    runtime, _ = guarded("<helpers>\n1\n</helpers>\n", ANSWER, executor=Asking())
    turn(runtime)
    assert one(runtime, NetworkRequested).host == f"{LABEL}.example"


def test_an_error_of_the_service_is_redacted():
    runtime, _ = guarded([ProviderBusy(f"wrong key {PLAIN}", hint=f"not {PLAIN}")])
    assert turn(runtime) == "error"
    error = one(runtime, ErrorRaised)
    assert (error.message, error.hint) == (f"wrong key {LABEL}", f"not {LABEL}")


class Talkative(ScriptedApprover):
    async def review(self, request, asked):
        return ApprovalDecided(call_id=request.call_id, decision="deny", reason=f"it has {PLAIN}")


def test_a_persons_reason_is_redacted():
    ambiguous = "<helpers>\nx = (\n</helpers>\nor\n</helpers>\n"
    runtime, _ = guarded(ambiguous, ANSWER, approver=Talkative())
    turn(runtime)
    assert one(runtime, ApprovalDecided).reason == f"it has {LABEL}"
    assert PLAIN not in repr(runtime.edges.provider.requests)


def test_a_redactor_that_knows_nothing_changes_nothing():
    runtime = make([ReasoningChunk("a"), *pieces("Hello.", 1), Finish()])
    turn(runtime)
    assert one(runtime, MessageFinished).parts == (Reasoning("a"), Text("Hello."))
    assert not NOTHING
    assert REDACTOR
