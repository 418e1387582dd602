"""Google's Gemini API: `streamGenerateContent`.

A stream has no end mark: it ends where the answer does, after a reason to finish. The version is
`v1beta`, since new models and the aliases ending in `-latest` are there alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from llmrepl.parts import Image
from llmrepl.ports import (
    CallResult,
    ChatMessage,
    Chunk,
    ModelInfo,
    ReasoningChunk,
    Request,
    TextChunk,
)
from llmrepl.sdk import Rejected, base64_of, call_id, count_in, name_in, read_json
from llmrepl.usage import Usage
from llmrepl_providers.gemini_ends import BROKEN, REFUSED, UNREADABLE, WHOLE, unreadable
from llmrepl_providers.reading import Event, Reader
from llmrepl_providers.vendor import Address, Vendor, alone, is_blank, present, words

ROLES = {"assistant": "model"}
MOST_STOPS = 5
"""How many stop strings are taken. More are no loss: llmrepl ends a reply at them, too."""

SIGNED = "gemini:"
"""What the seal of a call begins with: its signature."""

UNSIGNED = "skip_thought_signature_validator"
"""The service's own word for the signature of a call that it has not made."""

LATER = {429: 429, 503: 503}
NO_KEY = "API_KEY_INVALID"


class ReplyReader(Reader):
    """Reads one reply."""

    def take(self, event: Event) -> Iterator[Chunk]:
        """Yield what is in an event: the parts of the only candidate."""
        if error := event.get("error"):
            self.fail(error, LATER)
        self.count(event.get("usageMetadata"))
        feedback = event.get("promptFeedback") or {}
        if reason := feedback.get("blockReason"):
            self.stop = "refusal"
            said = feedback.get("blockReasonMessage") or reason
            self.note = f"Gemini did not take the prompt: {said}"
        for candidate in (event.get("candidates") or ())[:1]:
            parts = (candidate.get("content") or {}).get("parts") or ()
            said = (part for part in parts if isinstance(part.get("text"), str))
            yield from (_chunk(part) for part in said if part["text"])
            self.calls.add(map(_call, (part for part in parts if part.get("functionCall"))))
            if reason := candidate.get("finishReason"):
                self._finish(str(reason), str(candidate.get("finishMessage") or ""))

    def _finish(self, reason: str, message: str) -> None:
        self.stop = WHOLE.get(reason, "end_turn")
        if reason in REFUSED:
            self.stop = "refusal"
            self.note = f"Gemini ended its reply: {message or REFUSED[reason]} ({reason})"
        elif reason in UNREADABLE and self.offered:
            self.calls.add(list(unreadable(reason, message, self.offered)))
        elif reason not in WHOLE and not (reason in UNREADABLE and self.calls):
            said = message or UNREADABLE.get(reason) or BROKEN.get(reason, "a reason of its own")
            raise self.service.broken(f"{said} ({reason})")

    def usage(self) -> Usage:
        """Return the usage in the counts, in which thoughts stand beside the answer."""
        thought = count_in(self.counts, "thoughtsTokenCount")
        return Usage(
            input_tokens=count_in(self.counts, "promptTokenCount"),
            output_tokens=count_in(self.counts, "candidatesTokenCount") + thought,
            cache_read=count_in(self.counts, "cachedContentTokenCount"),
            reasoning_tokens=thought,
        )


def _call(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a call, which comes whole, as it is gathered."""
    call, signature = part["functionCall"], part.get("thoughtSignature")
    seal = f"{SIGNED}{signature}" if signature else ""
    named = {"name": call.get("name"), "arguments": call.get("args")}
    return {"id": call.get("id"), "function": named, "seal": seal}


def _chunk(part: Mapping[str, Any]) -> Chunk:
    return ReasoningChunk(part["text"]) if part.get("thought") else TextChunk(part["text"])


class Gemini(Vendor):
    """Google's service for its Gemini models.

    Its options are more fields for each request, like `{"generationConfig": {"topK": 20}}`.
    """

    name = "gemini"
    address = Address(
        "Gemini",
        "GEMINI",
        "https://generativelanguage.googleapis.com",
        "/v1beta",
        "aistudio.google.com/apikey",
    )
    models_path = "/v1beta/models?pageSize=1000"
    messages_field = "contents"
    reader = ReplyReader

    def _headers(self, key: str) -> Mapping[str, str]:
        return {"x-goog-api-key": key}

    def _encoded(self, message: ChatMessage) -> Mapping[str, Any]:
        return encode_message(message)

    async def _asked(self, request: Request) -> tuple[str, bytes]:
        config: dict[str, Any] = dict(self._options.get("generationConfig") or {})
        if (await self._facts_about(request.model)).get("thinking"):
            # It thinks in any case; this is for the thoughts to be told. Other models refuse it.
            config["thinkingConfig"] = {
                "includeThoughts": True,
                **(config.get("thinkingConfig") or {}),
            }
        config |= present(
            {
                "stopSequences": list(request.stop[:MOST_STOPS]) or None,
                "maxOutputTokens": request.max_tokens,
                "temperature": request.temperature,
                "seed": request.seed,
            }
        )
        config |= self._shapes.fields(request)
        fields = {**self._options, "generationConfig": config}
        if request.system:
            fields["systemInstruction"] = {"parts": [{"text": request.system}]}
        if request.tools:
            offered = [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": in_its_types(tool.parameters),
                }
                for tool in request.tools
            ]
            fields["tools"] = [{"functionDeclarations": offered}]
        path = f"/v1beta/models/{quote(request.model, safe='')}:streamGenerateContent?alt=sse"
        return path, self._bodies.body(alone(request), fields)

    def _forms(self, schema: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        kind = {"responseMimeType": "application/json"}
        return kind | {"responseJsonSchema": schema}, kind

    def _listed(self, answer: Mapping[str, Any]) -> Sequence[ModelInfo]:
        return tuple(
            ModelInfo(
                name,
                count_in(model, "inputTokenLimit") or None,
                {"name": shown} if (shown := name_in(model.get("displayName"))) else {},
            )
            for model in answer.get("models") or ()
            if (name := name_in(model["name"]).removeprefix("models/"))
            and "generateContent" in model.get("supportedGenerationMethods", ("generateContent",))
        )

    def _meant(self, rejected: Rejected) -> Rejected:
        """Return a wrong key, which has status 400, and a time to wait, which no header has."""
        headers = dict(rejected.headers)
        status = rejected.status
        for detail in _details(rejected.body):
            if detail.get("reason") == NO_KEY:
                status = 401
            delay = detail.get("retryDelay")
            if isinstance(delay, str):
                headers.setdefault("retry-after", delay.removesuffix("s"))
        return Rejected(status, rejected.body, headers)


def _details(body: str) -> Sequence[Mapping[str, Any]]:
    """Return what an error's body says beside its message."""
    try:
        found = read_json(body)
        details = list(found.get("error", found)["details"])
    except (ValueError, LookupError, AttributeError, TypeError):
        return ()
    return [detail for detail in details if isinstance(detail, dict)]


def in_its_types(schema: Any) -> Any:
    """Return a JSON Schema with the names that the API has for its types."""
    if isinstance(schema, Mapping):
        return {
            name: value.upper()
            if name == "type" and isinstance(value, str)
            else in_its_types(value)
            for name, value in schema.items()
        }
    return list(map(in_its_types, schema)) if isinstance(schema, list) else schema


def encode_message(message: ChatMessage) -> dict[str, Any]:
    """Return a message as the API has it."""
    if message.results:
        responses = list(map(_response, message.results))
        images = [image for result in message.results for image in result.images]
        return {"role": "user", "parts": [*responses, *map(_image, images)]}
    if message.calls:
        said = [] if is_blank(message) else [{"text": message.text}]
        return {"role": "model", "parts": [*said, *_calls(message)]}
    parts = list(map(_image, message.images))
    if not (parts and is_blank(message)):
        parts.append({"text": words(message)})
    return {"role": ROLES.get(message.role, message.role), "parts": parts}


def _image(image: Image) -> dict[str, Any]:
    return {"inlineData": {"mimeType": image.media_type, "data": base64_of(image)}}


def _calls(message: ChatMessage) -> Iterator[dict[str, Any]]:
    """Yield the calls in a message; the first has to have a signature."""
    for place, call in enumerate(message.calls):
        made = {"id": call_id(call), "name": call.name, "args": call.arguments}
        signature = call.seal.removeprefix(SIGNED) if call.seal.startswith(SIGNED) else ""
        signature = signature or ("" if place else UNSIGNED)
        yield {"functionCall": made} | ({"thoughtSignature": signature} if signature else {})


def _response(result: CallResult) -> dict[str, Any]:
    told = {"error" if result.failed else "output": result.text}
    return {
        "functionResponse": {
            "id": call_id(result.call),
            "name": result.call.name,
            "response": told,
        }
    }
