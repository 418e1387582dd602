"""Anthropic, Gemini and Mistral, each over its own API, without its SDK."""
