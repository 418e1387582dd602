"""How Anthropic puts a reply on the wire: named events, a block of thinking and one of text."""

import json

from llmrepl.testing.dialects import groups

STOPS = {"end_turn": "end_turn", "max_tokens": "max_tokens", "refusal": "refusal"}
KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


class AnthropicDialect:
    media_type = "text/event-stream"

    def streams(self, body):
        return body.get("stream") is True

    def error(self, message, status):
        kind = KINDS.get(status, "api_error")
        return {
            "type": "error",
            "error": {"type": kind, "message": message},
            "request_id": "req_1",
        }

    def failure(self, message, wire):
        status = 529 if "overloaded" in message.lower() else 500
        return event("error", wire, **self.error(message, status))

    def limits(self, body):
        return body.get("stop_sequences") or (), body["max_tokens"]

    def events(self, said):
        wire = said.wire
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": said.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**sent(said), "output_tokens": 1},
        }
        yield event("message_start", wire, message=message)
        yield event("ping", wire)
        index = 0
        if said.thought:
            block = {"type": "thinking", "thinking": "", "signature": ""}
            yield event("content_block_start", wire, index=index, content_block=block)
            for group in groups(said.thought, wire.chunk):
                yield delta(wire, index, type="thinking_delta", thinking=group)
            yield delta(wire, index, type="signature_delta", signature="c2lnbmVk")
            yield event("content_block_stop", wire, index=index)
            index += 1
        if said.text or not said.reply.calls:
            block = {"type": "text", "text": ""}
            yield event("content_block_start", wire, index=index, content_block=block)
            for group in groups(said.text, wire.chunk):
                yield delta(wire, index, type="text_delta", text=group)
            yield event("content_block_stop", wire, index=index)
            index += 1
        for number, (name, arguments) in enumerate(said.reply.calls, index):
            block = {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": {}}
            yield event("content_block_start", wire, index=number, content_block=block)
            text = arguments if isinstance(arguments, str) else json.dumps(arguments)
            size = wire.argument_size or len(text)
            for at in range(0, len(text), size):
                piece = text[at : at + size]
                yield delta(wire, number, type="input_json_delta", partial_json=piece)
            yield event("content_block_stop", wire, index=number)

    def end(self, said, body):
        usage = {"output_tokens": said.received}
        thought = said.reply.usage.reasoning_tokens if said.reply.usage else len(said.thought)
        if thought:
            usage["output_tokens_details"] = {"thinking_tokens": thought}
        reason = "tool_use" if said.reply.calls else STOPS[said.reply.stop]
        stop = {"stop_reason": reason, "stop_sequence": None}
        yield event("message_delta", said.wire, delta=stop, usage=usage)
        yield event("message_stop", said.wire)

    def whole(self, said):
        raise NotImplementedError("only streams are asked for")


def sent(said):
    """The counts of what was sent; what is cached stands beside the rest."""
    usage = said.reply.usage
    read, write = (usage.cache_read, usage.cache_write) if usage else (0, 0)
    return {
        "input_tokens": said.sent - read - write,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": write,
    }


def event(kind, wire, **fields):
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return f"event: {kind}{wire.newline}data: {data}{wire.newline * 2}".encode()


def delta(wire, index, **fields):
    return event("content_block_delta", wire, index=index, delta=fields)
