"""The process that runs a model's Python: one namespace for the session, one block at a time.

It answers each request with exactly one frame. Everything it says is untrusted text to the host,
since the code it runs could say the same.
"""

from __future__ import annotations

import builtins
import io
import os
import signal
import site
import socket
import sys
import types
from typing import Any, List, NoReturn, Optional

from . import blocks
from .frames import Message, receive_frame, send_frame
from .versions import Versions


def serve(channel: socket.socket, sites: List[str]) -> NoReturn:
    """Run blocks until the host closes the channel; never returns."""
    namespace = _prepare(sites)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    streams = _Streams()
    versions = Versions()
    send_frame(channel, {"event": "hello", "closed": _is_closed("/proc/%d/mem" % _AGENT)})
    me, keeper = os.getpid(), os.getppid()
    while True:
        try:
            message, fds = receive_frame(channel)
        except EOFError:
            os._exit(0)
        os.dup2(fds[0], 1)
        os.dup2(fds[1], 2)
        for fd in fds:
            os.close(fd)
        streams.restore()
        reply = _interruptible(message, namespace, versions)
        streams.flush()
        if os.getpid() != me:  # a fork that the block made has come to the block's end
            if "error" in reply:
                os.write(2, (reply["error"] + "\n").encode("utf-8", "replace"))
            os._exit(reply["exit"])
        if os.getppid() != keeper:  # the block killed it, so this process is about to be killed
            os._exit(70)
        os.dup2(null, 1)
        os.dup2(null, 2)
        send_frame(channel, dict(reply, id=message["id"]))


def _prepare(sites: List[str]) -> Any:
    """Make this process look like a Python that somebody started in the project."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.dont_write_bytecode = True
    site.main()
    for directory in sites:
        if os.path.isdir(directory):
            site.addsitedir(directory)
    builtins.exit = builtins.quit = _leave  # type: ignore[assignment]  # site's close stdin too
    sys.path[:] = ["", *(path for path in sys.path if path not in ("", _HERE))]
    sys.argv = [""]
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    return main.__dict__


_AGENT = os.getpid()  # it imports this module, and forks
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _leave(code: Any = None) -> NoReturn:
    """End the block, not the session."""
    raise SystemExit(code)


def _is_closed(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError:
        return True
    return False


def _interruptible(message: Message, namespace: Any, versions: Versions) -> Message:
    """Run the block with SIGINT raising KeyboardInterrupt in it, and nowhere else."""
    reply: Optional[Message] = None
    while True:
        try:
            if reply is None:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                reply = _run(message, namespace)
                reply["versions"] = versions.fresh()
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        except KeyboardInterrupt:
            reply = reply or {"exit": 1, "kind": "KeyboardInterrupt", "error": "KeyboardInterrupt"}
        else:
            return reply


def _run(message: Message, namespace: Any) -> Message:
    try:
        return blocks.run(message["code"], message["number"], namespace)
    except Exception as error:  # not even its traceback could be told, say for lack of memory
        return {"exit": 1, "kind": type(error).__name__, "error": type(error).__name__}


class _Streams:
    """This process' standard streams, made again where a block closed or replaced them."""

    def __init__(self) -> None:
        self._made: List[io.TextIOWrapper] = []
        self.restore()

    def restore(self) -> None:
        if any(stream.closed for stream in self._made) or not self._made:
            self._made = [_stream(0, "r"), _stream(1, "w"), _stream(2, "w")]
        sys.stdin, sys.stdout, sys.stderr = self._made
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = self._made  # type: ignore[misc]

    def flush(self) -> None:
        for stream in {*self._made[1:], sys.stdout, sys.stderr}:
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                pass  # nobody reads any more, or the block closed it


def _stream(fd: int, mode: str) -> io.TextIOWrapper:
    raw = io.FileIO(fd, mode, closefd=False)
    buffered = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    return io.TextIOWrapper(buffered, "utf-8", "backslashreplace", line_buffering=True)
