"""A server that answers each connection with given bytes, whatever is asked."""

import contextlib
import socket
import threading


@contextlib.contextmanager
def raw_server(*answers, hold=False):
    """Yield the address and the requests received; `hold` keeps connections open afterwards."""
    listener = socket.create_server(("127.0.0.1", 0))
    received = []
    held = []

    def serve():
        for answer in answers:
            connection, _ = listener.accept()
            connection.settimeout(10)
            received.append(read_request(connection))
            connection.sendall(answer)
            if hold:
                held.append(connection)
            else:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
    finally:
        for connection in held:
            connection.close()
        listener.close()
        thread.join(5)


def read_request(connection):
    """The bytes of a request with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def response(body=b"", *, status=b"200 OK", media_type=b"application/json", headers=b""):
    """A whole response with a length."""
    head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n" % (
        status,
        media_type,
        len(body),
    )
    return head + headers + b"\r\n" + body


def unused_address():
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
