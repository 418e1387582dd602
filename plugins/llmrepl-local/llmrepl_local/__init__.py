"""Models from GGUF files, each run in a process of its own through llama.cpp."""
