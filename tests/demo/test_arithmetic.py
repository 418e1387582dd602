from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.providers.demo.expression import FUNCTIONS, NoExpression, read_expression


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is 15% of 240?", "`15% of 240` is **36**."),
        ("2^10", "`2^10` is **1024**."),
        ("what's the square root of 2", "**1.414213562**"),
        ("calculate (3 + 4) * 2 / 7", "**2**"),
        ("please compute 0.1 + 0.2", "**0.3**"),
        ("Hi, what is 2+2?", "**4**"),
        ("20% off 50", "`20% off 50` is **40**."),
        ("200 + 10%", "**220**"),
        ("how much is 12 × 12", "**144**"),
        ("what is 7 divided by 2", "**3.5**"),
        ("17 % 5", "**2**"),
        ("17 mod 5", "**2**"),
        ("5!", "**120**"),
        ("cube root of -27", "**-3**"),
        ("12 squared plus 5", "**149**"),
        ("-2^2", "**-4**"),
        ("2^3^2", "**512**"),
        ("2(3 + 4)", "**14**"),
        ("sin(pi/2)", "**1**"),
        ("log 1000", "**3**"),
        ("half of 90", "**45**"),
        ("1,234.5 + 1", "**1235.5**"),
        ("3 million / 4 thousand", "**750**"),
        ("007 + 1", "**8**"),
        ("abs(-3) + round(2.7)", "**6**"),
    ],
)
def test_expressions_are_computed(chat, question, answer):
    assert answer in chat.ask(question)
    assert len(chat.blocks) == 1


def test_a_division_by_zero_is_explained(chat):
    assert "ZeroDivisionError" in chat.ask("1/0")


@pytest.mark.parametrize(
    "question", ["9**9**9", "(9**999)**999", "99999!", "2000!!", "(500!)**2000", "9^9^9^9^9"]
)
def test_numbers_that_are_too_large_end_quickly(chat, question):
    assert "did not work" in chat.ask(question)


def test_a_long_number_stands_in_its_digits(chat):
    answer = chat.ask("2**2000")
    assert "(603 digits)" in answer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "hello",
        "1, 2, 3",
        "1 2",
        "(1",
        "1)",
        "1 +",
        "__import__('os')",
        "open('x')",
        "1; 2",
        "x + 1",
        "a.b",
        "lambda: 1",
        "[1]",
        "'a' * 3",
        "sqrt",
        "1 if 2 else 3",
        "(" * 400 + "1" + ")" * 400,
        "-" * 499 + "1",
        "1+" * 1000 + "1",
    ],
)
def test_other_text_is_not_an_expression(text):
    try:
        expression = read_expression(text)
    except NoExpression:
        return
    assert expression.operations == 0


SIGNS = [
    *("1", "2.5", "007", "1e3", "(", ")", "+", "-", "*", "/", "%", "^", "!", "sqrt", "log", "pi"),
    *("x", "of", "squared", "cube root of", " ", "_", "os", ".", "'", ",", "\n"),
]
NAMES = {*FUNCTIONS.values(), "gamma", "copysign", "float", "pi", "e", "tau", "x"}
ALLOWED = (
    ast.Expression,
    ast.BinOp,
    ast.UnaryOp,
    ast.operator,
    ast.unaryop,
    ast.Call,
    ast.Constant,
    ast.Name,
    ast.Load,
)


@given(
    st.lists(
        st.sampled_from(SIGNS),
        max_size=14,
    ).map(" ".join)
)
def test_what_is_read_is_harmless_python(text):
    try:
        expression = read_expression(text, variable="x")
    except NoExpression:
        return
    tree = ast.parse(expression.source, mode="eval")
    for node in ast.walk(tree):
        assert isinstance(node, ALLOWED)
        if isinstance(node, ast.Name):
            assert node.id in NAMES
