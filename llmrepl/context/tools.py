"""The tools that a model is offered by its service's own means: what helper blocks can do.

Their schemas hold only what every service understands: types, descriptions, required names.
"""

from __future__ import annotations

from llmrepl.ports import Tool


def _runs(name: str, description: str) -> Tool:
    return Tool(
        name,
        description,
        {
            "type": "object",
            "properties": {
                "code": {"type": "string", "description": f"The {name} code, whole."},
                "timeout": {
                    "type": "number",
                    "description": "Seconds it may take; leave it out for the usual time.",
                },
            },
            "required": ["code"],
        },
    )


TOOLS = (
    _runs(
        "python",
        "Run Python in the sandbox. Variables, imports and the working directory last from one"
        " call to the next; the value of the last line is shown, as in a notebook.",
    ),
    _runs(
        "bash",
        "Run a bash script in the sandbox. The working directory and exported variables last from"
        " one call to the next.",
    ),
)
