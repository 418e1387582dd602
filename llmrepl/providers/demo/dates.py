"""Dates: what day it is, what weekday a date is, days between dates, and dates some time away.

Today is known only where code runs, so every date goes there as year, month and day, where the
year may be None (this one) or the name of a day such as "today".
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

from llmrepl.providers.demo.dialogue import Turn
from llmrepl.providers.demo.skill import Block, Steps, Told, program, skill

_MONTHS = "january february march april may june july august september october november december"
MONTHS = {name[:3]: place for place, name in enumerate(_MONTHS.split(), start=1)}
NAMED = {
    "christmas": (12, 25),
    "christmas eve": (12, 24),
    "new year": (1, 1),
    "halloween": (10, 31),
}
RELATIVE = {"today": 0, "now": 0, "tomorrow": 1, "yesterday": -1}
UNITS = {"day": (1, 0), "week": (7, 0), "fortnight": (14, 0), "month": (0, 1), "year": (0, 12)}
"""Days and months of each unit of time."""

MOST = 100_000
"""How many units away a date may be."""

_MONTH = rf"(?:{'|'.join(MONTHS)})[a-z]*\.?"
_DATE = re.compile(
    rf"""(?P<y1>\d{{4}})[-/.](?P<m1>\d{{1,2}})[-/.](?P<d1>\d{{1,2}})
       | (?P<d2>\d{{1,2}})\.\s?(?P<m2>\d{{1,2}})\.\s?(?P<y2>\d{{4}})
       | (?P<d3>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?\b(?P<m3>{_MONTH})(?:,?\s+(?P<y3>\d{{4}}))?
       | \b(?P<m4>{_MONTH})\s+(?P<d4>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<y4>\d{{4}}))?
       | \b(?P<named>{"|".join(sorted((*NAMED, *RELATIVE), key=len, reverse=True))})\b
    """,
    re.VERBOSE | re.IGNORECASE,
)

_PRELUDE = """
from datetime import date, timedelta
def day(year, month, number):
    if year is None:
        year = date.today().year
    return date.today() + timedelta(number) if month == 0 else date(year, month, number)
"""


@dataclass(frozen=True, slots=True)
class Day:
    """A date in a question; `month` 0 means `day` days from today, `year` None this year."""

    year: int | None
    month: int
    day: int

    @property
    def parts(self) -> tuple[int | None, int, int]:
        """What the program is given."""
        return self.year, self.month, self.day


def dates_in(text: str) -> list[Day]:
    """Return the dates in `text`, in order.

    Raises:
        Told: one of them does not exist.
    """
    return list(_dates(text))


def _dates(text: str) -> Iterator[Day]:
    for match in _DATE.finditer(text):
        if named := (match["named"] or "").lower():
            yield Day(None, 0, RELATIVE[named]) if named in RELATIVE else Day(None, *NAMED[named])
            continue
        form = next(form for form in "1234" if match[f"d{form}"])
        month, year = match[f"m{form}"], match[f"y{form}"]
        day = Day(
            int(year) if year else None,
            int(month) if month.isdecimal() else MONTHS[month[:3].lower()],
            int(match[f"d{form}"]),
        )
        try:
            dt.date(day.year or 2000, day.month, day.day)
        except ValueError:
            raise Told(f"There is no such date as `{match[0]}`.") from None
        yield day


def start_now(match: re.Match[str], _: Turn) -> Steps:
    """Return the steps that tell the date or the time."""
    return now(time="time" in match[0].lower())


def now(*, time: bool) -> Steps:
    """Tell the date, or the time."""
    form = "%H:%M:%S" if time else "%A, %d %B %Y"
    body = "print(datetime.now().astimezone().strftime(form), zone)"
    head = "from datetime import datetime\nzone = datetime.now().astimezone().tzname()\n"
    result = yield Block(head + program(body, form=form), say="Let me look at the clock.")
    shown, _, zone = result.stdout.rpartition(" ")
    return f"It is **{shown}** ({zone})." if time else f"Today is **{shown}**."


def start_weekday(_: re.Match[str], turn: Turn) -> Steps | None:
    """Return the steps that tell what day of the week a date is."""
    found = dates_in(turn.ask)
    return weekday(found[0]) if found else None


def weekday(asked: Day) -> Steps:
    """Tell the weekday and how far away it is."""
    body = """
print("day:", day(*asked).strftime("%A, %d %B %Y"))
print("away:", (day(*asked) - date.today()).days)
"""
    result = yield Block(_program(body, asked=asked.parts), say="Let me look that up.")
    facts = result.facts
    return f"That is **{facts.get('day', '?')}**, {_away(facts.get('away', ''))}."


def start_between(_: re.Match[str], turn: Turn) -> Steps | None:
    """Return the steps that count the days between two dates, or to one from today."""
    found = dates_in(turn.ask)
    if len(found) == 1:
        since = re.search(r"\b(?:since|ago|from)\b", turn.ask, re.IGNORECASE)
        return until(found[0], since=since is not None)
    return between(*found[:2]) if found else None


def between(first: Day, second: Day) -> Steps:
    """Count the days between two dates."""
    body = 'print("days:", abs((day(*second) - day(*first)).days))'
    source = _program(body, first=first.parts, second=second.parts)
    result = yield Block(source, say="Let me count.")
    days = result.facts.get("days", "0")
    weeks, rest = divmod(int(days), 7)
    weeks_too = f" ({weeks} weeks and {rest} days)" if weeks else ""
    return f"There are **{days} days** between them{weeks_too}."


def until(asked: Day, *, since: bool) -> Steps:
    """Count the days from today; a date without a year that has passed is next year's."""
    body = """
target = day(*asked)
if asked[0] is None and asked[1] and not since and target < date.today():
    target = date(target.year + 1, target.month, target.day)
print("day:", target.strftime("%A, %d %B %Y"))
print("away:", (target - date.today()).days)
"""
    result = yield Block(_program(body, asked=asked.parts, since=since), say="Let me count.")
    facts = result.facts
    return f"{facts.get('day', '?')} is **{_away(facts.get('away', ''))}**."


def start_shift(match: re.Match[str], turn: Turn) -> Steps | None:
    """Return the steps that tell the date some time before or after another."""
    how_many = re.search(r"\bhow\s+(?:many|much|long)\b", turn.ask, re.IGNORECASE)
    if how_many or not (match["coming"] or match["way"]):
        return None
    amount = 1 if match["amount"].lower() in ("a", "an", "one") else int(match["amount"])
    back = (match["way"] or "").lower() in ("ago", "before")
    found = dates_in(turn.ask[match.end() :])
    if amount > MOST:
        raise Told("That is further away than I count.")
    days, months = UNITS[match["unit"].lower()]
    sign = -1 if back else 1
    away = (sign * amount * days, sign * amount * months)
    return shift(found[0] if found else Day(None, 0, 0), away)


def shift(origin: Day, away: tuple[int, int]) -> Steps:
    """Tell the date `away`, in days and months, from `origin`."""
    body = """
start = day(*origin)
years, month = divmod(start.month - 1 + away[1], 12)
later = date(start.year + years, month + 1, 1)
last = (date(later.year + later.month // 12, later.month % 12 + 1, 1) - later).days
later = later.replace(day=min(start.day, last)) + timedelta(away[0])
print("from:", start.strftime("%d %B %Y"))
print("day:", later.strftime("%A, %d %B %Y"))
"""
    result = yield Block(_program(body, origin=origin.parts, away=away), say="Let me count.")
    facts = result.facts
    return f"Counted from {facts.get('from', '?')}, that is **{facts.get('day', '?')}**."


def _program(body: str, **values: object) -> str:
    return f"{_PRELUDE.strip()}\n{program(body, **values)}"


def _away(days: str) -> str:
    number = int(days or 0)
    if number == 0:
        return "today"
    unit = "day" if abs(number) == 1 else "days"
    return f"in {number} {unit}" if number > 0 else f"{-number} {unit} ago"


SKILLS = (
    skill(
        r"""\b (?:(?P<coming>in)\s+)? (?P<amount>\d{1,9}|an?|one) \s+
            (?P<unit>day|week|fortnight|month|year)s? \b \s*
            (?P<way>ago|before|after|from|since)?""",
        start_shift,
        "what date is 90 days after 2026-11-21",
    ),
    skill(
        r"""\b (?:days?|how\s+(?:long|far)) \b .{0,40}
            \b (?:between|from|until|till|to|since|before|left) \b""",
        start_between,
        "how many days until Christmas",
    ),
    skill(
        r"""\b (?:what|which) \b .{0,30} \b day \b .{0,60} \d
            | \A (?:what\s+(?:is|was)\s+)? \d{4}-\d\d?-\d\d? \Z
            | \b weekday \b | \b day\s+of\s+the\s+week \b
            | \b (?:what|which) \b .{0,20} \b day \b .{0,30}
              \b (?:tomorrow|yesterday|christmas|new\s+year|halloween) \b""",
        start_weekday,
        "what day was 1969-07-20",
    ),
    skill(
        r"""\b (?:what(?:'?s|\s+is)?) \b .{0,30} \b (?:date|time|day) \b .{0,20} \Z
            | \A (?:date|time|today|now) \Z""",
        start_now,
        "what day is it today",
    ),
)
