"""The prompt: an editor whose keys, completion and history are those of the line REPL."""
