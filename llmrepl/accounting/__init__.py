"""Tokens and prices: how much was sent and said, and what it cost.

Nothing here ever asks the network: vocabularies and prices are installed with the package.
"""

from __future__ import annotations

from llmrepl.accounting.accounts import Accounts
from llmrepl.accounting.accuracy import Accuracy, accuracies
from llmrepl.accounting.aside import Aside
from llmrepl.accounting.calls import Call, Calls
from llmrepl.accounting.database import UsageError
from llmrepl.accounting.ledger import Ledger, Spender
from llmrepl.accounting.meter import Meter
from llmrepl.accounting.prices import Prices
from llmrepl.accounting.tokens import Tokens, encoding_of

__all__ = [
    "Accounts",
    "Accuracy",
    "Aside",
    "Call",
    "Calls",
    "Ledger",
    "Meter",
    "Prices",
    "Spender",
    "Tokens",
    "UsageError",
    "accuracies",
    "encoding_of",
]
