"""How Google's Gemini API puts a reply on the wire: whole responses, each with more parts."""

import json

from llmrepl.testing.dialects import groups

REASONS = {"end_turn": "STOP", "max_tokens": "MAX_TOKENS", "refusal": "SAFETY"}
SIGNATURE = "c2lnbmVk"
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class GeminiDialect:
    media_type = "text/event-stream"

    def streams(self, body):
        return True

    def error(self, message, status):
        return {
            "error": {"code": status, "message": message, "status": STATUSES.get(status, "UNKNOWN")}
        }

    def failure(self, message, wire):
        return data(wire, self.error(message, 503 if "overloaded" in message.lower() else 500))

    def limits(self, body):
        config = body.get("generationConfig") or {}
        return config.get("stopSequences") or (), config.get("maxOutputTokens")

    def events(self, said):
        for group in groups(said.thought, said.wire.chunk):
            yield part(said, text=group, thought=True)
        for group in groups(said.text, said.wire.chunk):
            yield part(said, text=group)
        for number, (name, arguments) in enumerate(said.reply.calls):
            call = {"name": name, "args": arguments} | (
                {"id": f"f{number}"} if said.wire.ids else {}
            )
            yield part(
                said, functionCall=call, **({} if number else {"thoughtSignature": SIGNATURE})
            )

    def end(self, said, body):
        candidate = {"content": {"parts": [{"text": ""}], "role": "model"}, "index": 0}
        candidate["finishReason"] = REASONS[said.reply.stop]
        yield data(said.wire, {**rest(said), "candidates": [candidate]})

    def whole(self, said):
        raise NotImplementedError("only streams are asked for")


def part(said, **fields):
    candidate = {"content": {"parts": [fields], "role": "model"}, "index": 0}
    return data(said.wire, {**rest(said), "candidates": [candidate]})


def rest(said):
    """What each response has beside its parts; the counts are of all until then."""
    usage = said.reply.usage
    thought = usage.reasoning_tokens if usage else len(said.thought)
    counts = {
        "promptTokenCount": said.sent,
        "candidatesTokenCount": said.received - thought,
        "totalTokenCount": said.sent + said.received,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": said.sent}],
    }
    if thought:
        counts["thoughtsTokenCount"] = thought
    if usage and usage.cache_read:
        counts["cachedContentTokenCount"] = usage.cache_read
    return {"usageMetadata": counts, "modelVersion": said.model, "responseId": "r1"}


def data(wire, fields):
    return f"data: {json.dumps(fields, ensure_ascii=False)}{wire.newline * 2}".encode()
