"""What a provider over HTTP is made of, for plugins: connections, bodies, streams and errors.

Nothing is defined here. What these names promise holds as long as llmrepl's major version does.
"""

from __future__ import annotations

from llmrepl.providers.address import clean_key, clean_url
from llmrepl.providers.completions import call_id, encode_tool
from llmrepl.providers.encoding import Bodies, Encoded
from llmrepl.providers.families import takes_tools
from llmrepl.providers.images import base64_of
from llmrepl.providers.native import Calls
from llmrepl.providers.service import SILENCE_SECONDS, PerLoop, Rejected, Service, tls_settings
from llmrepl.providers.sse import EventStream

__all__ = [
    "SILENCE_SECONDS",
    "Bodies",
    "Calls",
    "Encoded",
    "EventStream",
    "PerLoop",
    "Rejected",
    "Service",
    "base64_of",
    "call_id",
    "clean_key",
    "clean_url",
    "encode_tool",
    "takes_tools",
    "tls_settings",
]
