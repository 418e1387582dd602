"""What services send that has no end, for every provider: see `test_excess`, and the vendors'."""

import contextlib
import gzip
import json
import socket
import threading

from tests.providers.raw import read_request, response

DEEP = b"[" * 200_000
DEEP_ERROR = b'{"error":' + DEEP + b"]" * 200_000 + b"}"
DEEP_WORDS = b'{"error":' * 200_000
NEAR = b'{"error":' + b"[" * 900 + b"]" * 900 + b"}"
"""One that can be read, but hardly be written again."""

HEAD = b"HTTP/1.1 %b\r\nContent-Type: %b\r\n\r\n"
MIB = 2**20
PACKED = gzip.compress(bytes(64 * MIB))

NO_MODEL = json.dumps({"error": {"message": "there is no such model"}}).encode()
ODD_NAMES = [5, None, "", "a" * 1_000_000, "\x1b[2Jtest"]


def cut(status):
    """The head of an answer whose body breaks off."""
    return b"HTTP/1.1 %b\r\nContent-Length: 1000\r\n\r\n{" % status


def packed(status=b"200 OK", media_type=b"text/event-stream"):
    """An answer that is a thousand times larger than it looks."""
    return response(
        PACKED, status=status, media_type=media_type, headers=b"Content-Encoding: gzip\r\n"
    )


def listing(names):
    """The models of these names, as every service would list them."""
    rows = [{"id": name, "model": name, "name": name} for name in names]
    return response(json.dumps({"data": rows, "models": rows}).encode())


@contextlib.contextmanager
def endless(head, piece):
    """Yield the address of a server that answers with `head`, and then `piece` without end."""
    with answering(lambda _: (head, piece)) as url:
        yield url


@contextlib.contextmanager
def answering(answer):
    """Yield the address of a server that answers what `answer` gives for a request.

    That is bytes, or the beginning and what follows without end.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(10)
            given = answer(read_request(connection))
            if isinstance(given, bytes):
                connection.sendall(given)
                return
            head, piece = given
            connection.sendall(head)
            while True:
                connection.sendall(piece)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
