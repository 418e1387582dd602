"""What programs touch that talk to a network, or fetch packages that run code of their own."""

from __future__ import annotations

from collections.abc import Iterable

from llmrepl.approvals.programs.addresses import in_remote, in_url, is_url
from llmrepl.approvals.programs.commands import Call, Handler
from llmrepl.approvals.programs.options import split
from llmrepl.approvals.touches import OPEN
from llmrepl.approvals.words import Word, joined

_CURL = (
    "A b c C D d E e F H K m o Q r T t u U w x X y Y z data data-ascii data-binary data-raw "
    "data-urlencode header output request user user-agent url upload-file form cookie cookie-jar "
    "config proxy max-time connect-timeout retry referer range write-out cert key cacert json "
    "resolve connect-to output-dir dump-header"
)
_WGET = "O o a U P t T Q e i output-document output-file user-agent tries timeout header post-data"
_NAMED = "a file that the address names"
_SSH = "b c D E e F I i J L l m O o p Q R S W w P"


def _talk(call: Call, words: Iterable[Word], scheme: str) -> None:
    for word in words:
        host = in_url(word.text, scheme) if word.known else ""
        call.note("network", Word(host) if host else Word(word.text, OPEN))


def _curl(call: Call) -> bool:
    options = split(call.args, _CURL)
    _talk(call, [*options.operands, *options.values("url")], "http")
    for word in options.values("o", "output", "D", "dump-header", "c", "cookie-jar"):
        call.touch("write", word)
    if options.has("O", "remote-name", "J", "remote-header-name", "output-dir"):
        call.touch("write", Word(".", OPEN), _NAMED)
    for word in options.values("T", "upload-file"):
        call.touch("read", word, "sent")
    for word in options.values("d", "data", "data-binary", "F", "form", "json", "data-urlencode"):
        if "@" in word.text:
            call.touch("read", word.cut(word.text.index("@") + 1), "sent")
    for word in options.values("K", "config"):
        call.touch("read", word)
    return False


def _wget(call: Call) -> bool:
    options = split(call.args, _WGET)
    _talk(call, options.operands, "http")
    written = options.values("O", "output-document", "o", "output-file", "P")
    for word in written:
        call.touch("write", word)
    if not written:
        call.touch("write", Word(".", OPEN), _NAMED)
    return False


def _host_first(call: Call) -> bool:
    options = split(call.args, _SSH, interleaved=False)
    for word in options.operands[:1]:
        ports = options.values("p")[:1] or [Word("22")]
        host = in_url(word.text, "ssh") if is_url(word.text) else word.text.rpartition("@")[2]
        target = host if ":" in host else f"{host}:{ports[0].text}"
        call.note("network", joined([Word(target, word.form), Word("", ports[0].form)]))
    return False


def _host_and_port(call: Call) -> bool:
    operands = split(call.args, "w p s q i c e o I O").operands[:2]
    colons = [part for word in operands for part in (Word(":"), word)]
    call.note("network", joined(colons[1:]))
    return False


def _any_host(call: Call) -> bool:
    for word in split(call.args, "c i s w t W n p").operands[:3] or [Word("")]:
        call.note("network", Word(in_url(word.text) or word.text.lstrip("@"), word.form))
    return False


def _remote_copy(call: Call) -> bool:
    operands = split(call.args, f"{_SSH} rsh exclude include files-from filter").operands
    for index, word in enumerate(operands):
        host = in_url(word.text) if is_url(word.text) else in_remote(word.text)
        if host and word.known:
            call.note("network", Word(host))
        else:
            last = index == len(operands) - 1 > 0
            call.touch("write" if last else "read", word, whole=True)
    return False


_INSTALLERS = """
    pip pip3 pipx uv uvx poetry conda mamba npm npx pnpm yarn bun bunx apt apt-get aptitude apk dnf
    yum pacman zypper brew snap flatpak cargo gem go composer dpkg easy_install
"""
_AT_ONCE = frozenset({"npx", "uvx", "bunx", "easy_install"})
_INSTALLS = """
    install add inject i ci get run exec dlx x update upgrade full-upgrade dist-upgrade sync create
    download wheel tool require in -S -Sy -Syu -i --install
"""


def _install(call: Call) -> bool:
    texts = {word.text for word in call.args}
    if call.name in _AT_ONCE or not texts.isdisjoint(_INSTALLS.split()):
        note_install(call)
    return False


def note_install(call: Call) -> None:
    """Note that packages are fetched, which run code of their own."""
    call.note("network", Word(""), "fetches packages, which run code of their own", danger=True)


HANDLERS: dict[str, Handler] = {
    "curl": _curl,
    "wget": _wget,
    "http": _any_host,
    "https": _any_host,
    "aria2c": _any_host,
    "ssh": _host_first,
    "sftp": _host_first,
    "ssh-copy-id": _host_first,
    "scp": _remote_copy,
    "rsync": _remote_copy,
    **dict.fromkeys(("nc", "ncat", "netcat", "telnet"), _host_and_port),
    **dict.fromkeys(("ping", "dig", "nslookup", "host", "whois", "traceroute", "ftp"), _any_host),
    **dict.fromkeys(_INSTALLERS.split(), _install),
}
