"""What every request has to be like, and what every response says, whoever asks.

A page of somebody else's can send a browser here, under any name that leads to this machine. So the
name must be ours, and the request must not come from another page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), clipboard-read=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
POLICY = (
    "default-src 'self'; connect-src 'self' {socket}; style-src 'self' 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
)
"""The terminal makes its own style sheets as it is drawn, hence 'unsafe-inline' for those alone."""
SANDBOX = "sandbox; default-src 'none'"
"""The policy of a file that was made in a session: it is kept, not run."""
OURS = ("", "none", "same-origin")
"""Where a request may come from, in the words of `Sec-Fetch-Site`: an address bar, or our page."""
PORTS = {"http": 80, "https": 443}


class Guard:
    """Judges requests.

    Args:
        scheme: http or https.
        names: the names of this machine that people may use, as they stand in addresses.
        port: where it listens.
    """

    def __init__(self, scheme: str, names: Iterable[str], port: int) -> None:
        rest = "" if PORTS[scheme] == port else f":{port}"
        self.scheme = scheme
        self.hosts = tuple(f"{name.lower()}{rest}" for name in names)

    @property
    def origin(self) -> str:
        """The beginning of the addresses that are given out."""
        return f"{self.scheme}://{self.hosts[0]}"

    def fault(self, headers: Mapping[str, str], *, socket: bool = False) -> str:
        """Return why a request is refused; empty where it is not.

        Args:
            headers: of the request, found by names in any case.
            socket: whether it opens a WebSocket, which a browser never does without an origin.
        """
        host = headers.get("Host", "").lower()
        if host not in self.hosts:
            return "it was sent to a name that is not one of this server"
        origin = headers.get("Origin")
        if origin != f"{self.scheme}://{host}" and (socket or origin is not None):
            return "it comes from another page"
        if headers.get("Sec-Fetch-Site", "").lower() not in OURS:
            return "it comes from another page; copy the address into the address bar instead"
        return ""

    def socket(self, host: str) -> str:
        """Return the beginning of the addresses of WebSockets, for a page that `host` gave."""
        return f"{'wss' if self.scheme == 'https' else 'ws'}://{host}"

    def headers(self, host: str) -> dict[str, str]:
        """Return what a response to a request for `host` says."""
        known = host.lower() if host.lower() in self.hosts else self.hosts[0]
        return {**HEADERS, "Content-Security-Policy": POLICY.format(socket=self.socket(known))}
