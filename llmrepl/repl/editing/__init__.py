"""The line editor of the chat: keys, completion, history, pastes, attachments, external editor.

`session.prompt_session` makes it. What the first prompt does not need is imported when it is used.
"""
