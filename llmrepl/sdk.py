"""What a provider over HTTP is made of, for plugins: connections, bodies, streams and errors.

Nothing is defined here. What these names promise holds as long as llmrepl's major version does.
"""

from __future__ import annotations

from llmrepl.providers.address import clean_key, clean_url
from llmrepl.providers.asked import Asked
from llmrepl.providers.completions import (
    call_id,
    count_in,
    encode_calls,
    encode_tool,
    read_content,
)
from llmrepl.providers.encoding import Bodies, Encoded
from llmrepl.providers.families import sees_images, takes_tools
from llmrepl.providers.images import base64_of
from llmrepl.providers.native import Calls
from llmrepl.providers.service import SILENCE_SECONDS, PerLoop, Rejected, Service, tls_settings
from llmrepl.providers.shaping import Shapes, response_formats
from llmrepl.providers.sse import EventStream
from llmrepl.providers.taking import json_of, name_in, pieces_of, read_json

__all__ = [
    "SILENCE_SECONDS",
    "Asked",
    "Bodies",
    "Calls",
    "Encoded",
    "EventStream",
    "PerLoop",
    "Rejected",
    "Service",
    "Shapes",
    "base64_of",
    "call_id",
    "clean_key",
    "clean_url",
    "count_in",
    "encode_calls",
    "encode_tool",
    "json_of",
    "name_in",
    "pieces_of",
    "read_content",
    "read_json",
    "response_formats",
    "sees_images",
    "takes_tools",
    "tls_settings",
]
