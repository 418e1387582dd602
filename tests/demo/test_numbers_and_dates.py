from __future__ import annotations

import datetime as dt
import re

import pytest

TODAY = dt.date.today


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("mean of 3, 5, 8, 13", "the mean is **7.25**"),
        ("What's the median of 3 5 8 13?", "the median is **6.5**"),
        ("stdev of 2 4 4 4 5 5 7 9", "the standard deviation is **2.138089935**"),
        ("sum of 1 to 100", "Of **100 numbers**, the sum is **5050**"),
        ("add 2 and 3", "the sum is **5**"),
        ("max of 3, 9, -2", "the largest is **9**"),
        ("min of 3, 9, -2", "the smallest is **-2**"),
        ("mode of 1 2 2 3", "the mode is **2**"),
        ("average and variance of 0.1, 0.2", "the mean is **0.15** and the variance is **0.005**"),
        ("statistics of 1.5, 2.5, 3.5", "the median is **2.5**"),
        ("stdev and mean of 7", "the mean is **7**"),
        ("sort 3, 1, 2", "1, 2, 3"),
        ("sort 3, 1, 2 descending", "3, 2, 1"),
        ("sum of 007 and 08", "the sum is **15**"),
    ],
)
def test_numbers_in_a_question(chat, question, answer):
    assert answer in chat.ask(question)


def test_follow_ups_are_about_the_numbers_before(chat):
    chat.ask("what is the mean of 3, 5, 8, 13?")
    assert "the median is **6.5**" in chat.ask("and the median?")
    assert "the largest is **13**" in chat.ask("what about the maximum?")
    assert "█" in chat.ask("plot them")


def test_a_follow_up_to_nothing_is_not_understood(chat):
    assert "did not understand" in chat.ask("and the median?")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("what day was 1969-07-20?", "**Sunday, 20 July 1969**"),
        ("what day of the week is 24 December 2026", "**Thursday, 24 December 2026**"),
        ("which weekday was July 4th, 1776", "**Thursday, 04 July 1776**"),
        ("what day was 24.12.1999", "**Friday, 24 December 1999**"),
        ("what is 2024-02-29", "**Thursday, 29 February 2024**"),
        ("how many days between 2024-01-01 and 2024-03-01?", "**60 days**"),
        ("days from 5 March 2024 to March 1, 2024", "**4 days**"),
        ("what date is 90 days after 2026-11-21", "**Friday, 19 February 2027**"),
        ("what date is 1 month after 2024-01-31", "**Thursday, 29 February 2024**"),
        ("what date is 2 years before 2024-02-29", "**Monday, 28 February 2022**"),
        ("2 weeks before 2024-01-01", "**Monday, 18 December 2023**"),
    ],
)
def test_dates_in_a_question(chat, question, answer):
    assert answer in chat.ask(question)


@pytest.mark.parametrize(
    ("question", "days"),
    [
        ("what day is it", 0),
        ("what's the date today?", 0),
        ("what date is it in 30 days?", 30),
        ("what date was 3 weeks ago", -21),
        ("in a week", 7),
        ("what day is tomorrow", 1),
    ],
)
def test_dates_counted_from_today(chat, question, days):
    before = TODAY()
    answer = chat.ask(question)
    expected = {f"{day + dt.timedelta(days):%A, %d %B %Y}" for day in (before, TODAY())}
    assert any(day in answer for day in expected)


def test_a_coming_holiday_is_counted_to_and_never_past(chat):
    answer = chat.ask("how many days until Christmas?")
    away = re.search(r"in (\d+) days?|today", answer)
    assert away, answer
    assert int(away[1] or 0) <= 366


def test_the_time_has_its_zone(chat):
    assert re.search(r"\*\*\d\d:\d\d:\d\d\*\* \(\S+\)", chat.ask("what time is it?"))


@pytest.mark.parametrize("date", ["31 February 2024", "2023-02-29", "2024-13-01"])
def test_a_date_that_does_not_exist_is_refused_without_running_anything(chat, date):
    assert f"no such date as `{date}`" in chat.ask(f"what day is {date}")
    assert chat.blocks == []
