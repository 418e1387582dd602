"""What the model is told: the system prompt, and the conversation as messages.

Pure text from state; each message is rendered and counted once, when it is new.
"""
