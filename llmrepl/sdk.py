"""What a provider over HTTP is made of, for plugins: connections, bodies, streams and errors.

Nothing is defined here. What these names promise holds as long as llmrepl's major version does.
"""

from __future__ import annotations

from llmrepl.providers.address import clean_key, clean_url
from llmrepl.providers.encoding import Bodies
from llmrepl.providers.images import base64_of
from llmrepl.providers.service import SILENCE_SECONDS, PerLoop, Rejected, Service, tls_settings
from llmrepl.providers.sse import EventStream

__all__ = [
    "SILENCE_SECONDS",
    "Bodies",
    "EventStream",
    "PerLoop",
    "Rejected",
    "Service",
    "base64_of",
    "clean_key",
    "clean_url",
    "tls_settings",
]
