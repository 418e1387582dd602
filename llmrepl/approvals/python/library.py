"""What functions of Python's library, and of a few well-known others, touch: a table.

Each entry is `KIND PLACE`: the kind of touch, and which argument holds its target, as a position
and the keyword's name. `*` behind a kind: everything in that folder, too.
"""

from __future__ import annotations

from typing import NamedTuple


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


class Effect(NamedTuple):
    """One touch of a call: `position` and `keyword` say which argument is its target."""

    kind: str
    position: int
    keyword: str
    whole: bool = False


def _effects(text: str) -> tuple[Effect, ...]:
    effects = []
    for entry in text.split(", "):
        kind, position, keyword = entry.split()
        effects.append(Effect(kind.rstrip("*"), int(position), keyword, kind.endswith("*")))
    return tuple(effects)


_TABLE = {
    "read 0 path": "os.listdir os.scandir os.stat os.lstat os.access os.readlink os.chdir os.open "
    "os.path.exists os.path.isfile os.path.isdir os.path.getsize os.path.getmtime os.path.islink "
    "glob.glob glob.iglob os.statvfs linecache.getlines",
    "write 0 files": "fileinput.input fileinput.FileInput",
    "read* 0 top": "os.walk os.fwalk",
    "delete 0 path": "os.remove os.unlink os.rmdir os.removedirs",
    "delete* 0 path": "shutil.rmtree",
    "write 0 path": "os.mkdir os.makedirs os.chmod os.chown os.truncate os.utime os.mkfifo "
    "os.mknod os.setxattr shutil.chown os.lchown",
    "delete 0 src, write 1 dst": "os.rename os.replace os.renames shutil.move",
    "read 0 src, write 1 dst": "shutil.copy shutil.copy2 shutil.copyfile shutil.copymode "
    "shutil.copystat",
    "read* 0 src, write* 1 dst": "shutil.copytree",
    "write 0 src, write 1 dst": "os.symlink os.link",
    "read* 2 root_dir, write 0 base_name": "shutil.make_archive",
    "read 0 filename, write* 1 extract_dir": "shutil.unpack_archive",
    "write 0 database": "sqlite3.connect",
    "write 0 filename": "shelve.open dbm.open logging.FileHandler",
    "read 0 name": "ctypes.CDLL",
    "network 0 url": "urllib.request.urlopen requests.get requests.post requests.put "
    "requests.delete requests.head requests.patch requests.options httpx.get httpx.post httpx.put "
    "httpx.delete httpx.head httpx.patch httpx.options httpx.stream webbrowser.open "
    "urllib.request.Request",
    "network 1 url": "requests.request httpx.request",
    "network 0 url, write 1 filename": "urllib.request.urlretrieve",
    "network 0 host": "http.client.HTTPConnection http.client.HTTPSConnection ftplib.FTP "
    "smtplib.SMTP smtplib.SMTP_SSL imaplib.IMAP4 imaplib.IMAP4_SSL poplib.POP3 telnetlib.Telnet "
    "socket.gethostbyname socket.getaddrinfo asyncio.open_connection ftplib.FTP_TLS",
    "network 0 address": "socket.create_connection socket.create_server",
    "signal 0 pid": "os.kill os.killpg signal.pthread_kill",
    "process 9 target": "os.fork os.forkpty os.abort os._exit os.setsid os.nice "
    "multiprocessing.Process multiprocessing.Pool "
    "concurrent.futures.ProcessPoolExecutor os.setuid os.setgid os.chroot",
    "read 0 filepath_or_buffer": "pandas.read_csv pandas.read_table pandas.read_json "
    "pandas.read_excel pandas.read_parquet pandas.read_pickle pandas.read_html pandas.read_xml",
    "read 0 file": "numpy.load numpy.fromfile numpy.loadtxt numpy.genfromtxt",
    "write 0 file": "numpy.save numpy.savez numpy.savetxt",
    "write 0 fname": "matplotlib.pyplot.savefig",
}
CALLS = {name: _effects(entry) for entry, names in _TABLE.items() for name in names.split()}

METHODS = {
    "read_text": "read",
    "read_bytes": "read",
    "iterdir": "read",
    "rglob": "read*",
    "write_text": "write",
    "write_bytes": "write",
    "touch": "write",
    "mkdir": "write",
    "chmod": "write",
    "symlink_to": "write",
    "hardlink_to": "write",
    "unlink": "delete",
    "rmdir": "delete",
    "glob": "read",
    "stat": "read",
    "exists": "read",
    "is_file": "read",
    "is_dir": "read",
    "rename": "delete",
    "replace": "delete",
}
"""What methods of a path do to it."""

TELLING = _set(
    "read_text read_bytes iterdir rglob write_text write_bytes symlink_to hardlink_to unlink rmdir"
    " is_file is_dir"
)
"""Methods whose name tells that they belong to a path, whatever is known of the object."""

SAVING = {
    "to_csv": "write",
    "to_json": "write",
    "to_excel": "write",
    "to_parquet": "write",
    "to_pickle": "write",
    "to_html": "write",
    "savefig": "write",
    "extractall": "write*",
}
"""Methods whose first argument is a path, by names that nothing else has."""

OPENERS = {
    "builtins.open": Effect("", 0, "file"),
    "io.open": Effect("", 0, "file"),
    "io.FileIO": Effect("", 0, "file"),
    "codecs.open": Effect("", 0, "filename"),
    "gzip.open": Effect("", 0, "filename"),
    "bz2.open": Effect("", 0, "filename"),
    "lzma.open": Effect("", 0, "filename"),
    "tarfile.open": Effect("", 0, "name"),
    "zipfile.ZipFile": Effect("", 0, "file"),
}
"""Functions whose second argument is a mode."""

SHELLS = _set(
    "os.system os.popen subprocess.getoutput subprocess.getstatusoutput "
    "asyncio.create_subprocess_shell commands.getoutput"
)
"""Functions whose first argument is a shell's source."""

STARTERS = _set(
    "subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen "
    "pty.spawn"
)
"""Functions whose first argument is a command: a list of words, or a shell's source."""

SPREAD = {"asyncio.create_subprocess_exec": 0, "os.execl": 1, "os.execlp": 1, "os.spawnl": 2}
"""Functions whose arguments are the words of a command, from this position on."""

LISTED = {"os.execv": 1, "os.execvp": 1, "os.execve": 1, "os.spawnv": 2, "os.posix_spawn": 1}
"""Functions that have the words of a command in a list, at this position."""

EVALUATORS = frozenset({"builtins.eval", "builtins.exec", "builtins.compile"})

LOOKUPS = {
    "builtins.__import__": "imports a module that is known only when it runs:",
    "importlib.import_module": "imports a module that is known only when it runs:",
    "builtins.getattr": "looks up a name that is known only when it runs:",
}
"""Functions that find what their argument names."""

OBSCURE = {
    **dict.fromkeys(
        _set(
            "builtins.globals builtins.locals builtins.vars operator.attrgetter gc.get_objects"
            " gc.get_referrers sys._getframe inspect.currentframe inspect.stack"
        ),
        "reaches names in a way that cannot be told:",
    ),
    **dict.fromkeys(
        _set(
            "pickle.load pickle.loads pickle.Unpickler marshal.loads marshal.load dill.load"
            " dill.loads joblib.load torch.load yaml.load yaml.unsafe_load"
        ),
        "runs what the data says:",
    ),
    **dict.fromkeys(
        _set(
            "runpy.run_path runpy.run_module code.interact importlib.reload types.FunctionType"
            " importlib.util.spec_from_file_location builtins.breakpoint timeit.timeit"
            " timeit.repeat timeit.Timer cProfile.run profile.run doctest.testmod doctest.testfile"
            " operator.methodcaller"
        ),
        "runs code that is known only when it runs:",
    ),
    **dict.fromkeys(
        _set("sys.settrace sys.setprofile sys.addaudithook threading.settrace"),
        "changes how later code runs:",
    ),
}
"""Functions that do what cannot be told."""

SETTERS = _set("os.environ.update os.environ.setdefault os.environ.pop os.putenv os.unsetenv")
"""Functions that change the environment of later commands."""

INNARDS = _set(
    "__globals__ __builtins__ __subclasses__ __bases__ __mro__ __code__ __loader__ "
    "__getattribute__ __closure__ __spec__ __base__ f_globals f_locals f_builtins f_back gi_frame "
    "cr_frame tb_frame __reduce__ __reduce_ex__ func_globals __self__ __init_subclass__"
)
"""Attributes through which everything can be reached."""

QUIET_MODULES = _set(
    "__future__ abc argparse array ast base64 binascii bisect calendar cmath collections colorsys "
    "contextlib copy csv dataclasses datetime decimal difflib dis email enum errno fnmatch "
    "fractions functools getpass gettext hashlib heapq hmac html inspect ipaddress itertools json "
    "keyword locale math mimetypes numbers operator optparse platform pprint queue random re "
    "reprlib sched secrets select shlex stat statistics string stringprep struct sys sysconfig "
    "textwrap threading time timeit token tokenize tomllib traceback types typing unicodedata "
    "unittest urllib.parse uuid warnings weakref xml zlib zoneinfo graphlib rlcompleter atexit "
    "gc faulthandler resource pwd grp encodings concurrent configparser plistlib quopri doctest "
    "asyncio logging"
)
"""Modules that touch nothing outside of the process."""

READ_MODULES = _set(
    "os os.path posixpath pathlib shutil subprocess socket urllib urllib.request urllib.error http "
    "http.client requests httpx glob io codecs gzip bz2 lzma tarfile zipfile tempfile sqlite3 "
    "shelve dbm ftplib smtplib imaplib poplib telnetlib signal multiprocessing pickle marshal "
    "importlib importlib.util importlib.import_module runpy code builtins pty webbrowser "
    "linecache fileinput concurrent.futures ctypes"
)
"""Modules of which the table says what touches something."""

STRICT = {
    "os": _set(
        "path environ getcwd sep linesep pathsep name curdir pardir extsep devnull getpid getppid "
        "cpu_count getenv urandom fspath fsencode fsdecode getuid getgid geteuid uname getlogin "
        "times strerror error PathLike get_terminal_size umask isatty close dup pipe altsep "
        "sched_getaffinity getloadavg environb path.join path.basename path.dirname path.splitext "
        "path.abspath path.expanduser path.realpath path.relpath path.normpath path.sep path.split "
        "path.isabs path.commonpath path.commonprefix path.expandvars path.samefile path.ismount "
        "path.lexists path.getctime path.getatime getcwdb DirEntry stat_result"
    ),
    "shutil": _set("which disk_usage get_terminal_size Error ignore_patterns"),
    "subprocess": _set(
        "PIPE STDOUT DEVNULL CalledProcessError TimeoutExpired CompletedProcess "
        "SubprocessError list2cmdline"
    ),
}
"""Of these modules, what touches nothing; a name in no table is said to be unknown."""

RUNNERS = (
    SHELLS
    | STARTERS
    | SPREAD.keys()
    | LISTED.keys()
    | EVALUATORS
    | LOOKUPS.keys()
    | (OBSCURE.keys())
)
"""Functions that run what they are given."""

_WITHIN = _set("os _os sys _sys builtins posix subprocess shutil importlib ctypes io _io")
"""Modules that others have imported, and by whose names they can be reached through those."""

_TABLES = (CALLS, OPENERS, RUNNERS, SETTERS)


def is_known(module: str) -> bool:
    """Return whether the tables say what `module` touches."""
    quiet = module.partition(".")[0] in QUIET_MODULES
    return quiet or module in READ_MODULES or module in QUIET_MODULES


def is_strange(name: str) -> bool:
    """Return whether `name` is of a module of which all is told, and in no table."""
    module, _, rest = name.partition(".")
    if is_known(module) and not _WITHIN.isdisjoint(rest.split(".")):
        return not name.startswith("asyncio.subprocess.")
    harmless = STRICT.get(module)
    if harmless is None or not rest or rest in harmless or rest.isupper():
        return False
    if rest.partition(".")[0] in ("environ", "environb") or name.endswith(".*"):
        return False
    return not any(name in table for table in _TABLES)
