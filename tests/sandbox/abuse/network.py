"""Reaching a network, or a service of the machine's, without being allowed one."""

from __future__ import annotations

from tests.sandbox.abuse.case import bash, case, ends, gives, prints, python, refused, that

TITLE = "Network"

OFFLINE = ("EAFNOSUPPORT",)

CASES = (
    case(
        "tcp",
        "No connection over TCP opens, to this machine or any other",
        python("""
import socket
{str(place): tried(socket.create_connection, place, 1) for place in (("127.0.0.1", <<tcp-port>>),
    ("::1", <<tcp6-port>>), ("192.0.2.1", 80), ("2001:db8::1", 80), ("10.0.0.1", 22))}
"""),
        refused(*OFFLINE),
    ),
    case(
        "udp",
        "Nothing is sent over UDP, to everybody at once neither",
        python("""
import socket
def send(place):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1); sock.sendto(b"x", place)
{str(place): tried(send, place) for place in (("127.0.0.1", <<udp-port>>),
    ("255.255.255.255", <<udp-port>>), ("224.0.0.1", <<udp-port>>), ("192.0.2.1", 53))}
"""),
        refused(*OFFLINE),
    ),
    case(
        "bash-devices",
        "Bash's own way to open connections opens none",
        bash(
            "for w in tcp/127.0.0.1/<<tcp-port>> tcp/::1/<<tcp6-port>> udp/127.0.0.1/<<udp-port>>;"
            " do (echo x > /dev/$w) 2>/dev/null && echo done; done; true"
        ),
        prints(""),
    ),
    case(
        "names",
        "No name is looked up",
        python("""
import socket
found = {}
for name in ("example.org", "localhost.example.org"):
    try: socket.getaddrinfo(name, 80); found[name] = "done"
    except OSError as error: found[name] = type(error).__name__
found
"""),
        refused("gaierror"),
    ),
    case(
        "unix-paths",
        "No socket with a path is reached, in the project or elsewhere",
        python("""
import socket
found = {}
for path in ("<<project>>/stream.sock", "<<outside>>/stream.sock", "/run/docker.sock",
        "/run/dbus/system_bus_socket", "/var/run/nscd/socket", "/run/systemd/private"):
    found[path] = tried(lambda: socket.socket(socket.AF_UNIX).connect(path))
found
"""),
        refused(*OFFLINE),
    ),
    case(
        "unix-paths-read-only",
        "Nor in a project that is shown as it is, where the sockets are those of the host",
        python("""
import socket
found = {}
for name, kind in (("stream", socket.SOCK_STREAM), ("dgram", socket.SOCK_DGRAM)):
    path = f"<<project>>/{name}.sock"
    found[name] = tried(lambda: socket.socket(socket.AF_UNIX, kind).connect(path))
found
"""),
        refused(*OFFLINE),
        policy="read-only",
    ),
    case(
        "pair-for-datagrams",
        "No pair of sockets can be made of which one could be pointed at a path",
        python("""
import socket
def send(kind, path):
    one, other = socket.socketpair(socket.AF_UNIX, kind)
    one.sendto(b"x", path)
{f"{kind} {path}": tried(send, kind, path) for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW,
    socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) for path in ("<<project>>/dgram.sock",
    "<<outside>>/dgram.sock", "\\0<<abstract>>")}
"""),
        refused("EPERM"),
        policy="read-only",
    ),
    case(
        "pair-connected-elsewhere",
        "A pair that streams cannot be connected elsewhere",
        python("""
import socket
found = {}
for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
    one, other = socket.socketpair(socket.AF_UNIX, kind)
    found[f"connect {kind}"] = tried(one.connect, "<<project>>/stream.sock")
    other.close()
    found[f"connect again {kind}"] = tried(one.connect, "<<project>>/stream.sock")
    found[f"send {kind}"] = tried(one.sendto, b"x", "<<project>>/stream.sock")
found
"""),
        refused("EISCONN", "EINVAL", "EPIPE", "EPROTOTYPE", "EOPNOTSUPP", "ECONNRESET"),
        policy="read-only",
    ),
    case(
        "abstract",
        "No abstract socket is reached",
        python(
            "import socket\n{'connect': tried(lambda:"
            " socket.socket(socket.AF_UNIX).connect('\\0<<abstract>>'))}"
        ),
        refused(*OFFLINE),
    ),
    case(
        "vsock",
        "The host of a virtual machine, which no network namespace hides, is not reached",
        python("""
import socket
def connect(cid):
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).connect((cid, <<vsock-port>>))
{str(cid): tried(connect, cid) for cid in (0, 1, 2, 3)}
"""),
        refused(*OFFLINE),
    ),
    case(
        "families",
        "Of 46 families of sockets in all their types, none opens",
        python("""
import socket
opened = []
for family in range(46):
    for kind in (1, 2, 3, 4, 5, 6, 10):
        for protocol in (0, 1, 6, 17, 132, 255):
            try: socket.socket(family, kind, protocol).close()
            except OSError: continue
            opened.append((family, kind, protocol))
opened
"""),
        gives("[]"),
    ),
    case(
        "families-by-number",
        "Nor where the system call is made directly, with numbers that are too large",
        python("""
_libc.syscall.argtypes = [_ctypes.c_long] * 4
found = {str(family): tried(call, "socket", family, 1, 0) for family in (1, 2, 10, 16, 17, 40,
    1 << 32 | 2, 1 << 32 | 1, -1, 255)}
_libc.syscall.argtypes = None
found
"""),
        refused("EAFNOSUPPORT"),
    ),
    case(
        "interfaces",
        "There is no interface but the loopback, which is the sandbox's own",
        bash(
            "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; tail -n +2 /proc/net/route;"
            " ls /sys/class/net 2>/dev/null"
        ),
        prints("lo\n"),
    ),
    case(
        "programs",
        "Programs that use the network fail, and are told that there is none",
        bash("curl -sS http://127.0.0.1:<<tcp-port>>/"),
        ends("error"),
        bash("git ls-remote git://127.0.0.1/x"),
        ends("error", "there is no network"),
        bash("python3 -m http.server <<tcp-port>>", timeout=10),
        ends("error", "there is no network"),
    ),
    case(
        "ways-around",
        "The calls that do input and output past the filter are denied",
        python(
            "{name: tried(call, name, 8, _ctypes.create_string_buffer(120), 0, 0, 0, 0) for name in"
            " ('io_uring_setup', 'io_uring_enter', 'io_uring_register')}"
        ),
        refused("EPERM"),
    ),
    case(
        "passed-descriptors",
        "No descriptor comes from the supervisor or the host over the channels",
        python("""
import socket
found = set()
for number in range(3, 64):
    try: sock = socket.socket(fileno=os.dup(number))
    except OSError: continue
    sock.setblocking(False)
    try: found |= set(socket.recv_fds(sock, 1, 8)[1])
    except OSError: pass
    sock.setblocking(True); sock.close()
found
"""),
        that("none arrives", lambda seen: seen.last.value in ("set()", "")),
    ),
)
