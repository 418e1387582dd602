"""What the model is told: the system prompt, and the conversation as messages.

Pure text from state; each message is counted once, when it is new, and rendered when it is read.
"""
