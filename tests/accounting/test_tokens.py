from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.accounting import Meter, Tokens, encoding_of
from llmrepl.accounting.estimate import estimate
from llmrepl.accounting.tokens import BOUNDARY, LONG, PIECE, _encoded, pieces
from tests.accounting.samples import SAMPLES, WITHIN

AWKWARD = st.text(
    st.sampled_from("aZé'sd9_-./\\\"()[]{}<|>~:;,!? \t\n\r\u00a0\u2028\x1c\u0301日。、ß\U0001f600")
)

HOSTILE = {
    "spaces": " " * LONG,
    "letters": "a" * LONG,
    "capitals": "A" * LONG,
    "newlines": "\n" * LONG,
    "tabs and newlines": "\t\n" * (LONG // 2),
    "one word, then spaces": ("a" + " " * PIECE * 2) * (LONG // PIECE // 2),
    "punctuation": "!" * LONG,
    "slashes": "/" * LONG,
    "digits": "1" * LONG,
    "accents": "e" + "\u0301" * LONG,
    "apostrophes": "'s" * (LONG // 2),
    "surrogates": "\ud800" * LONG,
    "nul": "\0" * LONG,
}


@pytest.fixture(scope="module")
def loaded():
    counters = {name: Tokens(name) for name in ("o200k_base", "cl100k_base")}
    for counter in counters.values():
        counter.load()
    return counters


@pytest.mark.parametrize("name", WITHIN)
def test_the_estimate_is_as_near_as_documented(name, originals):
    exact = len(originals["o200k_base"].encode_ordinary(SAMPLES[name]))
    assert abs(estimate(SAMPLES[name]) / exact - 1) <= WITHIN[name]


@given(AWKWARD)
def test_the_estimate_is_zero_for_no_text_only(text):
    assert (estimate(text) == 0) == (text == "")


def test_counts_are_estimates_until_the_vocabulary_is_loaded(originals):
    tokens = Tokens()
    text = SAMPLES["english"]
    assert not tokens.exact
    assert tokens.count(text) == estimate(text)
    tokens.load()
    assert tokens.exact
    assert tokens.count(text) == len(originals["o200k_base"].encode_ordinary(text))


def test_warming_a_meter_makes_its_counts_exact():
    meter = Meter()
    meter.warm(prices=False).join()
    assert meter.tokens.exact
    assert meter.count("hello world") == 2
    assert not meter.prices.loaded


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
@pytest.mark.parametrize("name", ["english", "code", "base64", "json", "indented lines"])
def test_loaded_counts_are_tiktokens_own(name, encoding, originals, loaded):
    text = SAMPLES[name][:LONG]
    assert loaded[encoding].count(text) == len(originals[encoding].encode_ordinary(text))


@given(AWKWARD)
def test_words_always_begin_at_a_boundary(originals, text):
    for encoding in originals.values():
        whole = encoding.encode_ordinary(text)
        for match in re.finditer(BOUNDARY, text, re.VERBOSE):
            cut = match.start()
            halves = (encoding.encode_ordinary(half) for half in (text[:cut], text[cut:]))
            assert sum(map(len, halves)) == len(whole)


@given(AWKWARD, st.integers(1, 3000))
def test_pieces_join_to_the_text_and_are_bounded(text, times):
    text *= times
    cut = list(pieces(text))
    assert "".join(cut) == text
    assert all(0 < len(piece) <= PIECE for piece in cut)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_neither_panics_nor_takes_long(name, loaded, capfd):
    for count in (estimate, *(tokens.count for tokens in loaded.values())):
        start = time.perf_counter()
        assert count(HOSTILE[name]) > 0
        assert time.perf_counter() - start < 5
    assert "panick" not in capfd.readouterr().err


def test_a_panic_of_the_encoder_becomes_an_estimate(loaded, capfd):
    spaces = " " * 1_000_000
    assert _encoded(loaded["o200k_base"]._loaded, spaces) == estimate(spaces)
    assert "panicked" in capfd.readouterr().err


def test_text_that_looks_like_a_special_token_is_plain_text(loaded):
    assert loaded["o200k_base"].count("<|endoftext|>") > 1


@pytest.mark.parametrize("ready", [True, False])
def test_a_long_text_is_counted_by_samples(ready, originals, loaded):
    tokens = loaded["o200k_base"] if ready else Tokens()
    text = SAMPLES["english"] * (3 * LONG // len(SAMPLES["english"]))
    start = time.perf_counter()
    counted = tokens.count(text)
    assert time.perf_counter() - start < 1
    once = len(originals["o200k_base"].encode_ordinary(SAMPLES["english"]))
    assert counted / (once * len(text) / len(SAMPLES["english"])) == pytest.approx(1, abs=0.05)


def test_an_empty_text_has_no_tokens(loaded):
    assert loaded["o200k_base"].count("") == 0


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4", "cl100k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("gpt-4o-mini", "o200k_base"),
        ("gpt-4.1", "o200k_base"),
        ("openai/gpt-oss-120b", "o200k_base"),
        ("llama-3.3-70b-versatile", "o200k_base"),
    ],
)
def test_a_model_names_its_encoding(model, encoding):
    assert encoding_of(model) == encoding


OFFLINE = """
import sys
def refuse(event, args):
    if event.startswith("socket."):
        raise OSError(f"the network was asked for: {event} {args}")
sys.addaudithook(refuse)
from llmrepl.accounting import Meter
from llmrepl.usage import Usage
for encoding in ("o200k_base", "cl100k_base"):
    meter = Meter(encoding=encoding)
    meter.warm().join()
    assert meter.tokens.exact and meter.count("hello world") == 2
assert meter.prices.cost("groq", "llama-3.1-8b-instant", Usage(1, 1)) is not None
"""


def test_nothing_is_downloaded(tmp_path):
    home = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE],
        check=False,
        env=home,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


LIGHT = """
import sys, llmrepl.accounting, llmrepl.figures
heavy = {"tiktoken", "genai_prices", "pydantic", "httpx", "httpx2", "lzma", "requests"}
print(sorted(heavy & set(sys.modules)))
"""


def test_importing_it_loads_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


EXIT = """
import sys, time
from llmrepl.accounting import Meter
Meter().warm()
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize("after", ["0", "0.1", "0.3"])
def test_a_program_may_end_while_it_is_loading(after):
    done = subprocess.run(
        [sys.executable, "-c", EXIT, after], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
