"""Getting past the proxy, where some hosts are allowed."""

from __future__ import annotations

from tests.sandbox.abuse.case import bash, case, gives, prints, python, refused, that

TITLE = "A network with hosts that are allowed"

ASK = """
import socket
def ask(data, wait=5.0):
    'Send bytes to the proxy; return the status of its answers.'
    with socket.create_connection(("127.0.0.1", 3128), wait) as sock:
        sock.settimeout(wait)
        got = b""
        try:
            sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))
            sock.shutdown(socket.SHUT_WR)
            while more := sock.recv(65536): got += more
        except OSError: pass
    import re
    return " ".join(re.findall("HTTP/1.1 ([0-9]+)", got.decode("latin-1"))) or "nothing"
def get(place): return ask(f"GET http://{place}/ HTTP/1.1\\r\\nHost: {place}\\r\\n\\r\\n")
def connect(place): return ask(f"CONNECT {place} HTTP/1.1\\r\\nHost: {place}\\r\\n\\r\\n")
allowed = "127.0.0.1:<<allowed-port>>"
closed = "127.0.0.1:<<tcp-port>>"
"""


def asking(code: str) -> object:
    return python(ASK + code, timeout=20)


REFUSALS = ("400", "403", "404", "405", "408", "411", "413", "431", "501", "502", "505", "nothing")

CASES = (
    case(
        "allowed",
        "A host that was allowed is reached: it gets whatever a block sends, which is what allowing"
        " means",
        asking("get(allowed), connect(allowed)"),
        gives("('200', '200')"),
        policy="net",
    ),
    case(
        "direct",
        "Past the proxy nothing is reached, not even the host that is allowed",
        python("""
import socket
def send(place):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock: sock.sendto(b"x", place)
{"allowed": tried(socket.create_connection, ("127.0.0.1", <<allowed-port>>), 1),
 "tcp": tried(socket.create_connection, ("127.0.0.1", <<tcp-port>>), 1),
 "tcp6": tried(socket.create_connection, ("::1", <<tcp6-port>>), 1),
 "far": tried(socket.create_connection, ("192.0.2.1", 80), 1),
 "far6": tried(socket.create_connection, ("2001:db8::1", 80), 1), "udp": tried(send, ("192.0.2.1", 53)),
 "all": tried(send, ("255.255.255.255", <<udp-port>>))}
"""),
        refused("ECONNREFUSED", "ENETUNREACH", "EACCES", "EADDRNOTAVAIL"),
        bash("echo x > /dev/udp/127.0.0.1/<<udp-port>>; true"),
        policy="net",
    ),
    case(
        "families",
        "Of all families and types of sockets TCP and UDP open, and no other",
        python("""
import socket
opened = set()
for family in range(46):
    for kind in (1, 2, 3, 4, 5, 6, 10):
        for protocol in (0, 1, 6, 17, 33, 132, 136, 255, 262):
            try: socket.socket(family, kind, protocol).close()
            except OSError: continue
            opened.add((family, kind))
sorted(opened)
"""),
        gives("[(2, 1), (2, 2), (10, 1), (10, 2)]"),
        policy="net",
    ),
    case(
        "other-hosts",
        "Other hosts are refused, by their names and by their addresses",
        asking("""
{place: get(place) if n % 2 else connect(place + ":443") for n, place in enumerate(("example.org",
    "192.0.2.1", "allowed.example.org", "evil-allowed.example", "allowed.example.evil.org", "1.1.1.1",
    "example.org.", "EXAMPLE.ORG", "xn--e1afmkfd.example"))}
"""),
        refused("403"),
        policy="net",
    ),
    case(
        "other-ports",
        "Other ports of the host that is allowed are refused",
        asking(
            "{port: get(f'127.0.0.1:{port}') + connect(f'127.0.0.1:{port}') for port in"
            " ('<<tcp-port>>', '22', '80', '0', '1')}"
        ),
        refused("403403", "400400", "403400", "400403"),
        policy="net",
    ),
    case(
        "spellings",
        "This machine is refused in every spelling of its address",
        asking("""
{place: get(f"{place}:<<tcp-port>>") for place in ("127.0.0.1", "127.1", "0x7f.1", "0x7f000001", "2130706433",
    "0177.0.0.1", "127.0.0.1.", "localhost", "LOCALHOST.", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "0.0.0.0", "0", "[::]", "[0:0:0:0:0:0:0:1]", "[fe80::1%25lo]", "127.000.000.001", "%31%32%37.0.0.1")}
"""),
        refused(*REFUSALS),
        policy="net",
    ),
    case(
        "private-addresses",
        "Private and special addresses are refused, that of a cloud's credentials among them",
        asking("""
{place: get(place) for place in ("169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "172.16.0.1",
    "192.168.0.1", "100.64.0.1", "[fe80::1]", "[fc00::1]", "224.0.0.1", "255.255.255.255", "192.0.0.1",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "198.18.0.1", "240.0.0.1")}
"""),
        refused("403", "400"),
        policy="net",
    ),
    case(
        "names-of-private-addresses",
        "A name that is allowed and leads to a private address is refused (rebinding)",
        asking(
            "{place: get(place) for place in ('rebound.example', 'metadata.example', 'mapped.example',"
            " 'several.example', 'loop.example')}"
        ),
        refused("403"),
        policy="net",
    ),
    case(
        "user-names",
        "User names, fragments, backslashes and bare paths do not turn one host into another",
        asking("""
def raw(target): return ask(f"GET {target} HTTP/1.1\\r\\nHost: {allowed}\\r\\n\\r\\n")
{target: raw(target) for target in (f"http://{allowed}@{closed}/", f"http://{closed}#@{allowed}/",
    f"http://{closed}\\\\@{allowed}/", f"http://{closed}?@{allowed}/", f"//{closed}/", "/", "*",
    f"ftp://{closed}/", f"file:///etc/passwd", f"http://{allowed}:@{closed}/", f"http:///{closed}/",
    f"https://{closed}/", f"unix:/run/docker.sock", "http://")}
"""),
        refused(*REFUSALS),
        policy="net",
    ),
    case(
        "host-header",
        "The host that is asked for counts, not the one in a header",
        asking("""
forged = f"GET http://{closed}/ HTTP/1.1\\r\\nHost: {allowed}\\r\\n\\r\\n"
twice = f"GET http://{closed}/ HTTP/1.1\\r\\nHost: {closed}\\r\\nHost: {allowed}\\r\\n\\r\\n"
{"forged": ask(forged), "twice": ask(twice)}
"""),
        refused("403", "400"),
        policy="net",
    ),
    case(
        "second-request",
        "A second request behind the first, on the same connection, reaches no other host",
        asking("""
first = f"GET http://{allowed}/ HTTP/1.1\\r\\nHost: {allowed}\\r\\n\\r\\n"
second = f"GET http://{closed}/ HTTP/1.1\\r\\nHost: {closed}\\r\\n\\r\\n"
tunnel = f"CONNECT {closed} HTTP/1.1\\r\\n\\r\\n"
ask(first + second), ask(first + tunnel), ask(first + first + second)
"""),
        that("the first is answered, at most", lambda seen: seen.last.status == "ok"),
        policy="net",
    ),
    case(
        "smuggled-bodies",
        "Lengths that contradict each other, and bodies that hide a request, are refused or end it",
        asking("""
def post(headers, body=""):
    return ask(f"POST http://{allowed}/ HTTP/1.1\\r\\nHost: {allowed}\\r\\n{headers}\\r\\n\\r\\n{body}")
hidden = f"GET http://{closed}/ HTTP/1.1\\r\\nHost: {closed}\\r\\n\\r\\n"
{"both": post("Content-Length: 4\\r\\nTransfer-Encoding: chunked", "0\\r\\n\\r\\n" + hidden),
 "two": post("Content-Length: 0\\r\\nContent-Length: 99", hidden),
 "sign": post("Content-Length: +5", hidden), "hex": post("Content-Length: 0x5", hidden),
 "odd": post("Transfer-Encoding: xchunked", hidden), "list": post("Transfer-Encoding: gzip, chunked", hidden),
 "minus": post("Content-Length: -1", hidden), "space": post("Content-Length : 5", hidden)}
"""),
        refused(*REFUSALS),
        policy="net",
    ),
    case(
        "malformed-heads",
        "Heads with lone line ends, zero bytes, no end or no sense are refused",
        asking("""
good = f"GET http://{allowed}/ HTTP/1.1"
{name: ask(data) for name, data in {"lf": f"{good}\\nHost: {allowed}\\n\\n", "nul": f"{good}\\r\\nA: \\0\\r\\n\\r\\n",
    "cr": f"{good}\\r\\nA: b\\rHost: {closed}\\r\\n\\r\\n", "fold": f"{good}\\r\\nA: b\\r\\n c: d\\r\\n\\r\\n",
    "large": f"{good}\\r\\nA: " + "x" * 200_000, "lines": f"{good}\\r\\n" + "A: b\\r\\n" * 50_000,
    "binary": b"\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xfc" * 100, "empty": b"\\r\\n\\r\\n",
    "socks": b"\\x05\\x01\\x00\\x05\\x01\\x00\\x01\\x7f\\x00\\x00\\x01\\x00\\x50", "words": "GET\\r\\n\\r\\n",
    "version": f"GET http://{closed}/ HTTP/9.9\\r\\n\\r\\n", "half": f"{good}\\r\\nHo"}.items()}
"""),
        refused(*REFUSALS),
        policy="net",
    ),
    case(
        "new-lines-in-a-tunnel",
        "Line ends in the name of a host start no second head",
        asking("""
{str(n): connect(place) for n, place in enumerate((f"{allowed}\\r\\nHost: {closed}", f"{closed}\\r\\n\\r\\nGET /",
    "a" * 70_000 + ":443", f"{closed},{allowed}"))}
"""),
        refused("400", "403", "431"),
        policy="net",
    ),
    case(
        "many-connections",
        "Connections that are held open keep later blocks from nothing",
        bash(
            'python3 -c "import socket, time\nheld = []\nfor n in range(300):\n    try:'
            " held.append(socket.create_connection(('127.0.0.1', 3128), 1)); held[-1].send(b'GET ')\n"
            '    except OSError: break\n"'
        ),
        bash("curl -sS http://127.0.0.1:<<allowed-port>>/"),
        prints("hello from /\n"),
        policy="net",
    ),
    case(
        "many-requests",
        "Requests without number are refused at a limit, and the next block has its own",
        asking("""
answers = {}
head = f"GET http://127.0.0.1:1/ HTTP/1.1\\r\\n\\r\\n".encode()
for n in range(1010):
    answer = ask(head)
    answers[answer] = answers.get(answer, 0) + 1
answers.get("429", 0) >= 10
"""),
        gives("True"),
        bash("curl -sS http://127.0.0.1:<<allowed-port>>/"),
        prints("hello from /\n"),
        policy="net",
    ),
    case(
        "the-door",
        "The place of the proxy cannot be taken by a block, nor its listening socket be had",
        python("""
import socket
def bind(place, option=None):
    with socket.socket() as sock:
        if option: sock.setsockopt(socket.SOL_SOCKET, option, 1)
        sock.bind((place, 3128)); sock.listen()
{"bind": tried(bind, "127.0.0.1"), "reuse": tried(bind, "127.0.0.1", socket.SO_REUSEADDR),
 "port": tried(bind, "127.0.0.1", socket.SO_REUSEPORT), "any": tried(bind, "0.0.0.0")}
"""),
        refused("EADDRINUSE"),
        policy="net",
    ),
    case(
        "secrets-in-requests",
        "The proxy adds nothing of the person's to a request",
        bash(
            "env | grep -i proxy | sort | head -3; curl -sSv http://127.0.0.1:<<allowed-port>>/ 2>&1 | grep -ic"
            " 'authorization\\|cookie'"
        ),
        that(
            "no credentials",
            lambda seen: seen.last.out.endswith("\n0\n") and "@" not in seen.last.out,
        ),
        policy="net",
    ),
)
