"""The vendors' own clients, as a program: `vendor_clients.py VENDOR URL`, a request on stdin.

It checks the request with the client's types, sends it as the client would, and prints what the
client made of the reply and of the list of models.
"""

import json
import sys


def anthropic(url, body):
    from anthropic import Anthropic
    from anthropic.types import (
        ImageBlockParam,
        MessageParam,
        TextBlockParam,
        ThinkingBlockParam,
        ToolParam,
        ToolResultBlockParam,
        ToolUseBlockParam,
    )
    from anthropic.types.message_create_params import MessageCreateParamsStreaming
    from pydantic import TypeAdapter

    def check(kind, data):
        kind.__pydantic_config__ = {"extra": "forbid"}
        TypeAdapter(kind).validate_python(data)

    check(MessageCreateParamsStreaming, body)
    for block in body["system"]:
        check(TextBlockParam, block)
    for tool in body["tools"]:
        check(ToolParam, tool)
    blocks = {
        "text": TextBlockParam,
        "image": ImageBlockParam,
        "thinking": ThinkingBlockParam,
        "tool_use": ToolUseBlockParam,
        "tool_result": ToolResultBlockParam,
    }
    for message in body["messages"]:
        TypeAdapter(MessageParam).validate_python(message)
        if isinstance(message["content"], list):
            for block in message["content"]:
                check(blocks[block["type"]], block)

    client = Anthropic(base_url=url, api_key="sk-test", max_retries=0)
    fields = {name: value for name, value in body.items() if name != "stream"}
    with client.messages.stream(**fields) as stream:
        message = stream.get_final_message()
    text = {"text": "", "thinking": ""}
    for block in message.content:
        if block.type != "tool_use":
            text[block.type] += getattr(block, block.type)
    usage = message.usage
    return {
        "text": text["text"],
        "thought": text["thinking"],
        "stop": message.stop_reason,
        "calls": [[b.name, b.input] for b in message.content if b.type == "tool_use"],
        "counts": [
            usage.input_tokens,
            usage.cache_read_input_tokens,
            usage.cache_creation_input_tokens,
            usage.output_tokens,
        ],
        "models": [[model.id, model.max_input_tokens] for model in client.models.list()],
    }


def gemini(url, body):
    from google.genai import Client, types

    contents = [types.Content.model_validate(content) for content in body["contents"]]
    system = types.Content.model_validate(body["systemInstruction"])
    config = types.GenerationConfig.model_validate(body["generationConfig"])
    tools = [types.Tool.model_validate(tool) for tool in body["tools"]]
    assert body.keys() <= {"contents", "systemInstruction", "generationConfig", "tools"}

    options = types.HttpOptions(base_url=url, api_version="v1beta")
    client = Client(api_key="sk-test", http_options=options)
    given = config.model_dump(exclude_none=True)
    heard = {"text": "", "thought": "", "calls": []}
    for reply in client.models.generate_content_stream(
        model="gemini-test-1",
        contents=contents,
        config=types.GenerateContentConfig(system_instruction=system, tools=tools, **given),
    ):
        (candidate,) = reply.candidates
        for part in candidate.content.parts:
            heard["thought" if part.thought else "text"] += part.text or ""
            if call := part.function_call:
                heard["calls"].append([call.name, call.args])
    usage = reply.usage_metadata
    return {
        **heard,
        "stop": candidate.finish_reason.value,
        "counts": [
            usage.prompt_token_count,
            usage.cached_content_token_count,
            usage.candidates_token_count,
            usage.thoughts_token_count,
        ],
        "models": [[model.name, model.input_token_limit] for model in client.models.list()],
    }


def mistral(url, body):
    from mistralai.client import Mistral
    from mistralai.client.models import ChatCompletionStreamRequest

    checked = ChatCompletionStreamRequest.model_validate(body)
    assert body.keys() <= ChatCompletionStreamRequest.model_fields.keys()

    client = Mistral(api_key="sk-test", server_url=url)
    fields = {name: value for name, value in body.items() if name != "stream"}
    heard = {"text": "", "thought": "", "calls": []}
    with client.chat.stream(**{**fields, "messages": checked.messages}) as events:
        for event in events:
            (choice,) = event.data.choices
            content = choice.delta.content or ""
            if isinstance(content, str):
                heard["text"] += content
            else:
                heard["thought"] += "".join(t.text for part in content for t in part.thinking)
            for call in choice.delta.tool_calls or ():
                heard["calls"].append([call.function.name, json.loads(call.function.arguments)])
            usage = event.data.usage
    return {
        **heard,
        "stop": choice.finish_reason,
        "counts": [usage.prompt_tokens, usage.completion_tokens],
        "models": [[model.id, model.max_context_length] for model in client.models.list().data],
    }


if __name__ == "__main__":
    vendors = {"anthropic": anthropic, "gemini": gemini, "mistral": mistral}
    json.dump(vendors[sys.argv[1]](sys.argv[2], json.load(sys.stdin)), sys.stdout)
