"""Reads an arithmetic expression, in signs or in words, and writes it as Python.

What comes out is made of number literals, operators, parentheses and the names in `FUNCTIONS` and
`CONSTANTS` alone, whatever went in; and it is quick to compute.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

FUNCTIONS = {
    "sqrt": "sqrt",
    "root": "sqrt",
    "cbrt": "cbrt",
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "asin": "asin",
    "acos": "acos",
    "atan": "atan",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "exp": "exp",
    "ln": "log",
    "log": "log10",
    "log10": "log10",
    "log2": "log2",
    "abs": "abs",
    "floor": "floor",
    "ceil": "ceil",
    "round": "round",
    "factorial": "factorial",
}
"""What a function may be called, and what it is in Python."""

CONSTANTS = {"pi": "pi", "π": "pi", "e": "e", "tau": "tau"}

LARGEST_EXPONENT = 2_000
"""Larger exponents, and powers of powers, are computed in floating point, which has an end."""

LARGEST_FACTORIAL = 500
LONGEST = 500
DEEPEST = 40

_AMOUNT = r"\d[\d.,]{0,40}"

_PHRASES = (
    (r"(?:the )?square root(?: of)?|√", " sqrt "),
    (r"(?:the )?cub(?:e|ic) root(?: of)?", " cbrt "),
    (r"(?:the )?factorial of", " factorial "),
    (r"(?:raised )?to the power(?: of)?|\bto the\b", " ^ "),
    (r"\bsquared\b|²", " ^ 2 "),
    (r"\bcubed\b|³", " ^ 3 "),
    (r"\bdivided by\b|\bover\b|÷", " / "),
    (r"\b(?:multiplied by|times)\b|×|·", " * "),
    (r"\bplus\b", " + "),
    (r"\bminus\b|−", " - "),
    (r"\bmod(?:ulo)?\b", " mod "),
    (r"\bper ?cent\b", "%"),
    (r"\bhalf of\b", " 0.5 * "),
    (r"\b(?:a )?third of\b", " 1 / 3 * "),
    (r"\b(?:a )?quarter of\b", " 0.25 * "),
    (r"(?<=%) of\b", " * "),
    (rf"({_AMOUNT}) dozen\b", r"(\1 * 12)"),
    (rf"({_AMOUNT}) thousand\b", r"(\1 * 1000)"),
    (rf"({_AMOUNT}) million\b", r"(\1 * 1000000)"),
    (rf"({_AMOUNT}) billion\b", r"(\1 * 1000000000)"),
    (r"\bof\b", " "),
)
"""Words and the signs they stand for, in the order in which they are replaced."""

_WORDS = tuple((re.compile(pattern, re.IGNORECASE), sign) for pattern, sign in _PHRASES)

_X_FOR_TIMES = re.compile(r"(?<=[\d\s)])x(?=[\d\s(])", re.IGNORECASE)

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]{1,40})(?:\.[0-9]{0,40})?
                 (?:e[+-]?[0-9]{1,3}(?![0-9a-z]))?|\.[0-9]{1,40})
    | (?P<name>[a-zπ]+[0-9]*)
    | (?P<sign>\*\*|//|[-+*/%^()!])
    )""",
    re.VERBOSE | re.IGNORECASE,
)


class NoExpression(Exception):
    """The text is not an expression this reads."""


@dataclass(slots=True)
class Expression:
    """An expression as Python source.

    Attributes:
        source: the Python source.
        functions: the names it takes from `math`.
        operations: how many operators and functions it has.
    """

    source: str = ""
    functions: set[str] = field(default_factory=set)
    operations: int = 0


def read_expression(text: str, *, variable: str = "") -> Expression:
    """Return the expression that the whole of `text` is.

    Args:
        text: such as `15% of 240`, `2^10`, `the square root of 2 plus 1`.
        variable: a name that may stand in it.

    Raises:
        NoExpression: it is something else, or too long.
    """
    for pattern, sign in _WORDS if len(text) <= LONGEST else ():
        text = pattern.sub(sign, text)
    if variable != "x":
        text = _X_FOR_TIMES.sub(" * ", text[: LONGEST + 1])
    tokens = _tokens(text.strip())
    reader = _Reader(tokens, variable)
    reader.read.source = reader.sum()
    if reader.here:
        raise NoExpression(text)
    return reader.read


def _tokens(text: str) -> list[tuple[str, str]]:
    if not text or len(text) > LONGEST:
        raise NoExpression(text[:LONGEST])
    found, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if not match:
            raise NoExpression(text)
        kind = match.lastgroup or ""
        found.append((kind, match[kind].lower()))
        place = match.end()
    return found


class _Reader:
    """Recursive descent; each method reads one level of precedence and returns Python source."""

    def __init__(self, tokens: list[tuple[str, str]], variable: str) -> None:
        self.tokens = tokens
        self.variable = variable
        self.place = 0
        self.depth = 0
        self.read = Expression()

    @property
    def here(self) -> str:
        """The token to be read, or nothing at the end."""
        return self.tokens[self.place][1] if self.place < len(self.tokens) else ""

    @property
    def starts_factor(self) -> bool:
        """Whether a value begins here that a number may stand right before, as in 2(3 + 4)."""
        if self.place >= len(self.tokens):
            return False
        kind, text = self.tokens[self.place]
        return text == "(" or (kind == "name" and text != "mod")

    def take(self, *signs: str) -> str:
        if self.here not in signs or not self.here:
            return ""
        self.place += 1
        return self.tokens[self.place - 1][1]

    def operation(self) -> None:
        self.read.operations += 1

    def sum(self) -> str:
        self.depth += 1
        if self.depth > DEEPEST:
            raise NoExpression("too deep")
        left = self.product()
        while sign := self.take("+", "-"):
            self.operation()
            right = self.product()
            share = re.fullmatch(r"\(([\d.e]+) / 100\)", right)
            left = f"({left}) * (1 {sign} {share[1]} / 100)" if share else f"{left} {sign} {right}"
        self.depth -= 1
        return left

    def product(self) -> str:
        left = self.negation()
        while True:
            if sign := self.take("*", "/", "//", "mod", "%"):
                self.operation()
                left = f"{left} {'%' if sign == 'mod' else sign} {self.negation()}"
            elif self.starts_factor:
                self.operation()
                left = f"{left} * {self.power()}"
            else:
                return left

    def negation(self) -> str:
        sign = self.take("-", "+")
        if not sign:
            return self.power()
        self.depth += 1
        if self.depth > DEEPEST:
            raise NoExpression("too deep")
        negated = f"{sign}{self.negation()}"
        self.depth -= 1
        return negated

    def power(self) -> str:
        base = self.postfix()
        if not self.take("^", "**"):
            return base
        self.operation()
        exponent = self.negation()
        whole = re.fullmatch(r"-?\d{1,4}", exponent)
        small = abs(int(exponent)) <= LARGEST_EXPONENT if whole else _is_decimal(exponent)
        if not small or re.search(r"\*\*|factorial", base):
            base = f"float({base})"
        return f"{base} ** {exponent}"

    def postfix(self) -> str:
        value = self.value()
        while True:
            if self.take("!"):
                value = self.factorial(value)
            elif self.here == "%" and not self.is_modulo():
                self.place += 1
                self.operation()
                value = f"({value} / 100)"
            else:
                return value

    def is_modulo(self) -> bool:
        """Whether the % here stands between two values, and is no percent sign."""
        after = self.tokens[self.place + 1] if self.place + 1 < len(self.tokens) else ("", "")
        return after[0] == "number" or after[1] == "("

    def factorial(self, value: str) -> str:
        self.operation()
        small = re.fullmatch(r"\(?(\d{1,4})\)?", value)
        if small and int(small[1]) <= LARGEST_FACTORIAL:
            self.read.functions.add("factorial")
            return f"factorial({small[1]})"
        self.read.functions.add("gamma")
        return f"gamma({value} + 1)"

    def value(self) -> str:
        if self.place >= len(self.tokens):
            raise NoExpression("it ends early")
        kind, text = self.tokens[self.place]
        self.place += 1
        if kind == "number":
            return _literal(text)
        if text == "(":
            inner = self.sum()
            if not self.take(")"):
                raise NoExpression("a parenthesis is open")
            return f"({inner})"
        if kind == "name":
            return self.named(text)
        raise NoExpression(text)

    def named(self, name: str) -> str:
        if name == self.variable:
            return name
        if name in CONSTANTS:
            self.read.functions.add(CONSTANTS[name])
            return CONSTANTS[name]
        if name not in FUNCTIONS:
            raise NoExpression(name)
        self.operation()
        argument = self.value() if self.here == "(" else f"({self.negation_of_value()})"
        function = FUNCTIONS[name]
        if function == "factorial":
            return self.factorial(argument)
        if function == "cbrt":
            self.read.functions.add("copysign")
            return f"copysign(abs{argument} ** (1 / 3), {argument})"
        if function not in ("abs", "round"):
            self.read.functions.add(function)
        return f"{function}{argument}"

    def negation_of_value(self) -> str:
        """Return the argument of a function that is written without parentheses."""
        return f"{self.take('-')}{self.value()}"


def _is_decimal(text: str) -> bool:
    return re.fullmatch(r"-?\d*\.\d+", text) is not None


def _literal(text: str) -> str:
    """Return a number as Python writes it: without commas and leading zeros."""
    plain = text.replace(",", "")
    if re.fullmatch(r"\d+", plain):
        return plain.lstrip("0") or "0"
    return f"0{plain}" if plain.startswith(".") else plain
