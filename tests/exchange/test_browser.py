"""What a person sees of an exported page in Chromium, and a recording in asciinema's own player."""

import json
import re
from base64 import b64encode

import pytest

from llmrepl.events import (
    MessageFinished,
    StepFinished,
    StepStarted,
    ToolFinished,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parts import Image, Output, Reasoning, Text
from tests.exchange.browser import Browser
from tests.exchange.readers import player
from tests.exchange.stories import COST, USAGE, call, everything, export, some_sessions, told

WIDE, NARROW = (1000, 1400), (380, 800)
SESSIONS = pytest.mark.parametrize("session", some_sessions(), ids=lambda session: session.id)

SEEN = """
(() => {
    const bright = colour => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map(v => v / 255)
            .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = element => {
        for (; element; element = element.parentElement) {
            const colour = getComputedStyle(element).backgroundColor;
            if (!/, 0\\)$/.test(colour)) return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
        const style = getComputedStyle(element);
        const text = element instanceof SVGElement ? style.fill : style.color;
        const [light, dark] = [bright(text), bright(behind(element))].sort((a, b) => b - a);
        found.push([(light + 0.05) / (dark + 0.05), walker.currentNode.data.trim().slice(0, 40)]);
    }
    return found;
})()
"""
"""How strongly each text stands out from what is behind it, after WCAG 2.2."""

PIXELS = """
(async () => {
    const image = new Image();
    image.src = 'data:image/png;base64,%s';
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
    canvas.drawImage(image, 0, 0);
    return %s.map(([x, y]) => [...canvas.getImageData(x, y, 1, 1).data].slice(0, 3));
})()
"""


PLAY = """
(async () => {
    const problems = [], told = (...words) => problems.push(words.join(' '));
    const logger = {log() {}, debug() {}, info() {}, warn: told, error: told};
    const player = AsciinemaPlayer.create(
        {data: %s}, document.getElementById('player'), {fit: false, logger, preload: true});
    await player.play();
    await player.seek('100%%');
    await new Promise(done => setTimeout(done, 200));
    return {problems, duration: await player.getDuration(), now: await player.getCurrentTime(),
            lines: [...document.querySelectorAll('.ap-line')].map(line => line.textContent)};
})()
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    chromium = Browser(tmp_path_factory.mktemp("chromium"))
    yield chromium
    chromium.close()


@pytest.fixture
def shown(browser, tmp_path):
    """Show a text as a page, and return the browser."""

    def show(text, size=WIDE, **look):
        path = tmp_path / "page.html"
        path.write_text(text)
        browser.look(*size, **look)
        browser.open(path.as_uri())
        return browser

    return show


def asked_for(browser):
    """The addresses that the page asked for, itself and what is in it left out."""
    addresses = [sent["request"]["url"] for sent in browser.told("Network.requestWillBeSent")]
    return [url for url in addresses if not url.startswith("data:") and "page.html" not in url]


@SESSIONS
def test_the_page_asks_for_nothing_and_complains_of_nothing(shown, session):
    browser = shown(export(session, "html"))
    assert asked_for(browser) == []
    assert browser.told("Log.entryAdded") == []
    assert browser.told("Runtime.exceptionThrown") == []
    assert browser.told("Page.javascriptDialogOpening") == []
    assert browser.value("document.title").endswith(" · llmrepl")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("what", ["details.turn", "details.call"])
def test_turns_and_calls_fold_with_scripts_and_without(shown, scripts, what):
    browser = shown(export(everything(), "html"), scripts=scripts)
    tall = f"document.querySelector('{what}').getBoundingClientRect().height"
    before = browser.value(tall)
    browser.click(f"{what} > summary")
    assert browser.value(f"document.querySelector('{what}').open") is False
    folded = browser.value(tall)
    assert folded < before / 2
    browser.click(f"{what} > summary")
    assert browser.value(tall) == before


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@SESSIONS
def test_all_text_can_be_read_in_light_and_in_dark(shown, session, dark):
    browser = shown(export(session, "html"), dark=dark)
    found = browser.value(SEEN)
    assert found
    assert [(round(ratio, 2), text) for ratio, text in found if ratio < 4.5] == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_chart_is_on_the_screen_in_its_colours(shown, dark):
    browser = shown(export(everything(), "html"), dark=dark)
    bars = browser.value(
        """[...document.querySelectorAll('rect.sent')].map(bar => {
            const box = bar.getBoundingClientRect();
            return [Math.round(box.x + 2), Math.round(box.y + box.height - 4),
                    getComputedStyle(bar).fill];
        })"""
    )
    dot = browser.value(
        """(dot => {
            const box = dot.getBoundingClientRect();
            return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2),
                    getComputedStyle(dot).fill];
        })(document.querySelector('circle.dot'))"""
    )
    places = json.dumps([[x, y] for x, y, _ in (*bars, dot)] + [[2, 2]])
    png = b64encode(browser.screenshot()).decode()
    browser.open("about:blank")
    *pixels, corner = browser.value(PIXELS % (png, places))
    wanted = [list(map(int, re.findall(r"\d+", colour))) for *_, colour in (*bars, dot)]
    assert len(pixels) == 4
    assert pixels == wanted
    assert (sum(corner) < 3 * 60) is dark


@SESSIONS
def test_on_a_narrow_screen_nothing_sticks_out(shown, session):
    browser = shown(export(session, "html"), NARROW)
    assert browser.value("document.scrollingElement.scrollWidth <= innerWidth")


PAYLOADS = (
    "<script>pwned()</script>",
    "<img src=x onerror=pwned()>",
    "</pre></code></style></title></textarea><svg onload=pwned()>",
    "\"><img src='x' onerror='pwned()'>",
    "' onmouseover='pwned()' x='",
    "<iframe srcdoc='<script>parent.pwned()</script>'></iframe>",
    "[x](javascript:pwned()) [y](data:text/html,<script>pwned()</script>)",
    '<javascript:pwned()> ![x](x "onerror=pwned()") [z]: javascript:pwned()',
    "<a href='java\tscript:pwned()'>x</a><style>@import 'http://192.0.2.1/x'</style>",
    "<!--><img src=x onerror=pwned()>-->",
    "<meta http-equiv=refresh content='0;url=javascript:pwned()'><base href=//192.0.2.1>",
    "<details open ontoggle=pwned()>",
    "{{pwned()}} ${pwned()} `</script>",
)
"""Texts that run or load something where they are not shown as texts."""


def attack(text):
    """A session that has this text wherever there is room for one."""
    part, asked = call("1.1.1", text)
    tool, also = call("1.1.2", text, "tool")
    mine = Image(media_type=text, data=text, path=text)
    cut = Output(stream=text, text=text, dropped=1)
    ended = ToolFinished(
        call_id="1.1.1", status="error", parts=(cut, Text(text), mine), reason=text, ms=1.0
    )
    return told(
        [
            TurnStarted(prompt=(Text(text), mine)),
            StepStarted(provider=text, model=text),
            asked,
            also,
            MessageFinished(
                parts=(Reasoning(text), Text(text), Text(f"```{text}\n{text}\n```"), part, tool),
                stop="end_turn",
                usage=USAGE,
                cost=COST,
            ),
            ended,
            ToolFinished(call_id="1.1.2", status="denied", reason=text),
            StepFinished(usage=USAGE, cost=COST),
            TurnFinished(reason=text, usage=USAGE, cost=COST),
        ]
    )


@pytest.mark.parametrize("text", [*PAYLOADS, "\n".join(PAYLOADS)])
def test_no_text_of_a_session_runs_or_loads_anything_even_where_no_policy_forbids_it(shown, text):
    page = export(attack(text), "html")
    page = re.sub(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", PWNED, page, count=1)
    assert PWNED in page
    browser = shown(page)
    links = browser.value("[...document.querySelectorAll('main a')].map(a => a.protocol)")
    assert {*links} <= {"http:", "https:", "file:"}  # the last are beside the page
    browser.value(
        "document.querySelectorAll('main *').forEach(e => e.dispatchEvent("
        "new MouseEvent('mouseover', {bubbles: true})))"
    )
    assert browser.value("[window.ran, document.scripts.length]") == [None, 1]
    assert asked_for(browser) == []


PWNED = "<script>function pwned() { window.ran = true }</script>"


@pytest.mark.parametrize("display", ["plain", "timeline"])
@SESSIONS
def test_asciinemas_player_shows_a_recording_to_its_end(shown, session, display):
    style, script = player()
    recording = export(session, "cast", display)
    browser = shown(f"<!DOCTYPE html><style>{style}</style><div id=player></div>")
    browser.value(f"{script}; window.AsciinemaPlayer = AsciinemaPlayer; 0")
    found = browser.value(PLAY % json.dumps(recording))
    assert found["problems"] == []
    assert found["now"] == found["duration"]
    events = map(json.loads, recording.splitlines()[1:])
    drawn = "".join(data for _, code, data in events if code == "o")
    lines = [line.strip() for line in re.sub(r"\x1b\[[\d;]*m", "", drawn).split("\r\n")]
    wanted = [line for line in lines[-12:] if line.isascii() and len(line) < 80]
    assert {line.strip() for line in found["lines"]} >= {*wanted}
