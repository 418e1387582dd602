"""How Mistral puts a reply on the wire: chat completions, with thoughts as parts of the content."""

import json

from llmrepl.testing.dialects import groups

REASONS = {"end_turn": "stop", "max_tokens": "length", "refusal": "stop"}
KINDS = {400: ("invalid_request_error", "3000"), 404: ("invalid_model", "1500")}
UNKNOWN = frozenset({"seed", "stream_options", "max_completion_tokens", "system", "system_prompt"})
"""Fields of other services', which are refused here."""


class MistralDialect:
    media_type = "text/event-stream"

    def streams(self, body):
        assert not UNKNOWN & body.keys(), "extra inputs are not permitted"
        return body.get("stream") is True

    def error(self, message, status):
        kind, code = KINDS.get(status, ("rate_limited" if status == 429 else "error", "1000"))
        return {"object": "error", "message": message, "type": kind, "param": None, "code": code}

    def failure(self, message, wire):
        kind = "overloaded" if "overloaded" in message.lower() else "internal_error"
        return data(wire, {"object": "error", "message": message, "type": kind, "code": "1000"})

    def limits(self, body):
        return body.get("stop") or (), body.get("max_tokens")

    def events(self, said):
        yield delta(said, {"role": "assistant", "content": ""})
        for group in groups(said.thought, said.wire.chunk):
            thinking = {"type": "thinking", "thinking": [{"type": "text", "text": group}]}
            yield delta(said, {"content": [thinking]})
        for group in groups(said.text, said.wire.chunk):
            yield delta(said, {"content": group})
        calls = [
            {
                "id": f"abcdefgh{number}" if said.wire.ids else "null",
                "index": number if said.wire.indexes else 0,
                "function": {
                    "name": name,
                    "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments),
                },
            }
            for number, (name, arguments) in enumerate(said.reply.calls)
        ]
        if calls:
            yield delta(said, {"content": "", "tool_calls": calls})

    def end(self, said, body):
        usage = said.reply.usage
        counts = {
            "prompt_tokens": said.sent,
            "completion_tokens": said.received,
            "total_tokens": said.sent + said.received,
        }
        if usage and usage.cache_read:
            counts["prompt_tokens_details"] = {"cached_tokens": usage.cache_read}
        thought = usage.reasoning_tokens if usage else len(said.thought)
        if thought:
            counts["completion_tokens_details"] = {"reasoning_tokens": thought}
        reason = "tool_calls" if said.reply.calls else REASONS[said.reply.stop]
        yield delta(said, {"content": ""}, reason, usage=counts)
        yield f"data: [DONE]{said.wire.newline * 2}".encode()

    def whole(self, said):
        raise NotImplementedError("only streams are asked for")


def delta(said, fields, reason=None, **more):
    choice = {"index": 0, "delta": fields, "finish_reason": reason}
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": said.model}
    return data(said.wire, {**head, "choices": [choice], **more})


def data(wire, fields):
    return f"data: {json.dumps(fields, ensure_ascii=False)}{wire.newline * 2}".encode()
