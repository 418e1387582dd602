"""Where programs in the sandbox find the proxy: accepts connections and hands them to the host."""

from __future__ import annotations

import array
import select
import socket
from typing import Optional

PLACE = ("127.0.0.1", 3128)
BACKLOG = 128


class Door:
    """A listening socket of the sandbox's network, and the host's end of its connections.

    When the host takes no more, connections wait.

    Args:
        fd: a socket to send descriptors over; it is the caller's, and copied.
        poller: the door keeps itself registered there as it needs to be.

    Raises:
        OSError: the place is taken.
    """

    def __init__(self, fd: int, poller: select.poll) -> None:
        self._poller = poller
        self._host = socket.fromfd(fd, socket.AF_UNIX, socket.SOCK_STREAM)
        self._host.setblocking(False)
        self._held: Optional[socket.socket] = None
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.setblocking(False)
        self._listener.bind(PLACE)
        self._listener.listen(BACKLOG)
        poller.register(self._listener, select.POLLIN)

    def concerns(self, fd: int) -> bool:
        """Whether news of `fd` are for `serve`."""
        return fd in (self._listener.fileno(), self._host.fileno())

    def serve(self) -> None:
        """Hand on what has arrived, one connection at most."""
        if self._held is None:
            try:
                self._held, _address = self._listener.accept()
            except OSError:
                return  # whoever connected has gone
            self._hand_on(first=True)
        else:
            self._hand_on(first=False)

    def _hand_on(self, first: bool) -> None:
        assert self._held is not None
        rights = array.array("i", [self._held.fileno()])
        try:
            self._host.sendmsg([b"c"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        except BlockingIOError:
            if first:
                self._poller.unregister(self._listener)
                self._poller.register(self._host, select.POLLOUT)
            return
        except OSError:
            pass  # the host takes none any more: the client sees its connection end
        self._held.close()
        self._held = None
        if not first:
            self._poller.unregister(self._host)
            self._poller.register(self._listener, select.POLLIN)
