"""What of a configuration decides the price of a request, beside the prices themselves."""

from __future__ import annotations

from llmrepl.accounting.prices import TERMS
from llmrepl.config import Config


def terms_of(config: Config) -> dict[str, dict[str, str]]:
    """Return what of the providers' options decides what a request costs."""
    return {
        name: {term: str(provider.options[term]) for term in TERMS if term in provider.options}
        for name, provider in config.providers.items()
    }
