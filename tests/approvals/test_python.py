"""What a block of Python touches, as a person is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.approvals.review import review_python
from tests.approvals.world import is_harmless, verdict

TOLD = {
    "open('a').read()": ["reads a"],
    "open('a', 'w').write('x')": ["writes a"],
    "open('a', 'r+')": ["writes a", "reads a"],
    "open('a', mode)": ["writes a", "uses from an earlier block: mode", "reads a"],
    "from pathlib import Path\nPath('out', 'x').write_text('')": ["writes out/x"],
    "from pathlib import Path\np = Path('a') / 'b'\np.unlink()": ["deletes a/b"],
    "import shutil\nshutil.rmtree('build')": ["deletes build/ and everything in it"],
    "import os\nos.remove(f'{x}')": [
        "deletes \"f'{x}'\" (known only when it runs)",
        "uses from an earlier block: x",
    ],
    "import subprocess\nsubprocess.run(['rm', 'a'])": ["deletes a"],
    "import os\nos.system('rm a | tee b')": ["deletes a", "writes b"],
    "import requests\nrequests.get('https://a.test/x')": ["talks to a.test:443"],
    "import socket\nsocket.create_connection(('a.test', 80))": ["talks to a.test:80"],
    "exec('import os; os.remove(\"a\")')": ["deletes a"],
    "import os\ngetattr(os, 'remove')('a')": ["deletes a"],
    "__import__('os').remove('a')": ["deletes a"],
    "import os as o\no.kill(1, 9)": ["ends or signals the process 1"],
    "import foo": ["uses, and this review does not look into: foo"],
    "def f(:": ["is no Python: invalid syntax (line 1)"],
}


@pytest.mark.parametrize(("source", "told"), TOLD.items(), ids=TOLD)
def test_a_block_is_told_in_words(source, told):
    assert list(review_python(source).sentences()) == told


HARMLESS = [
    "",
    "1 + 1",
    "x = [i * 2 for i in range(9)]\nprint(sum(x))",
    "import json, math, re, collections\njson.dumps({'a': math.pi})",
    "with open('a') as f:\n    print(f.read())",
    "from pathlib import Path\nprint([p.name for p in Path('.').iterdir()])",
    "import os\nprint(os.getcwd(), os.listdir('.'), os.environ.get('HOME'))",
    "def f(a):\n    return a + 1\nprint(f(2))",
    "import subprocess\nprint(subprocess.run(['ls'], capture_output=True).stdout)",
    "class A:\n    def __init__(self):\n        self.x = 1\nA()",
]


@pytest.mark.parametrize("source", HARMLESS)
def test_what_only_reads_is_harmless(source):
    assert is_harmless("python", source)


EVASIONS = [
    "import os\nr = os.remove\nr('a')",
    "from os import remove as r\nr('a')",
    "from os import *\nremove('a')",
    "import os\nmap(os.remove, ['a'])",
    "import os\nlist(map(os.remove, ['a']))",
    "import os\ngetattr(os, 're' + 'move')('a')",
    "import os\ngetattr(os, name)('a')",
    "import os\nos.__dict__['remove']('a')",
    "import os\nvars(os)['remove']('a')",
    "import sys\nsys.modules['os'].remove('a')",
    "__import__('o' + 's').remove('a')",
    "__import__(name)",
    "import importlib\nimportlib.import_module('os').remove('a')",
    'eval(\'__import__("os").remove("a")\')',
    "eval(x)",
    "exec(open('x').read())",
    "compile(x, '', 'exec')",
    "().__class__.__bases__[0].__subclasses__()",
    "(lambda: 0).__globals__['__builtins__']",
    "globals()['x']('a')",
    "__builtins__.open('a', 'w')",
    "import builtins\nbuiltins.open('a', 'w')",
    "import io\nio.open('a', 'w')",
    "open(*args)",
    "open('a', **more)",
    "o = open\no('a', 'w')",
    "import pickle\npickle.loads(x)",
    "import ctypes\nctypes.CDLL('libc.so.6').unlink(b'a')",
    "import subprocess\nsubprocess.run(x)",
    "import subprocess\nsubprocess.run('rm a', shell=True)",
    "import subprocess\nsubprocess.run(x, shell=True)",
    "import subprocess\nsubprocess.run(['ls'], env={'PATH': '/tmp'})",
    "import os\nos.environ['PATH'] = '/tmp'",
    "import os\nos.path.exists = os.remove",
    "import os\nos.execv('/bin/rm', ['rm', 'a'])",
    "import runpy\nrunpy.run_path('x')",
    "import shutil\nshutil.move('a', 'b')",
    "import tempfile, foo\nfoo.bar()",
    "helper()",
    "breakpoint()",
    "import urllib.request as u\nu.urlopen('http://a.test')",
    "import asyncio\nasyncio.run(asyncio.create_subprocess_shell('rm a'))",
    "@__import__\ndef os(): ...",
    "class A:\n    __getattr__ = eval\nA().x",
    "import sys\nsys.settrace(f)",
    "import code\ncode.interact()",
    "df.to_csv('a')",
    "p.write_text('x')",
    "x" * 70_000,
    "(" * 3000 + ")" * 3000,
    "\udc80",
]


@pytest.mark.parametrize("source", EVASIONS, ids=lambda source: ascii(source[:40]))
def test_nothing_that_could_do_more_is_harmless(source):
    assert not is_harmless("python", source)


MOVES = [
    "import os\nos.chdir('/')",
    "from os import chdir as c\nc('/')",
    "import os\ngetattr(os, 'ch' + 'dir')('/')",
    "exec('import os; os.chdir(\"/\")')",
    "import contextlib\ncontextlib.chdir('/').__enter__()",
]


@pytest.mark.parametrize("source", MOVES)
def test_a_path_is_not_known_once_the_block_has_moved(source):
    rule = "allow any write: build/**"
    written = "\nopen('build/a', 'w')"
    assert verdict("python", written, rule).effect == "allow"
    assert verdict("python", source + written, rule).effect == "ask"


PIECES = st.sampled_from(
    [
        *("import os\n", "os", "remove", "('a')", "getattr(", " = ", "f'", "lambda ", "exec("),
        *("def f():\n ", *".()x\n'{}:[],*\\é\x001"),
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=60))
def test_a_review_never_fails_and_says_one_line_each(source):
    review = review_python(source)
    assert len(review.touches) <= 302
    for sentence in review.sentences():
        assert sentence.isprintable(), sentence


TRICKS = [
    "import io; io.FileIO('x', 'w')",
    "import json; json.codecs.builtins.open('x', 'w')",
    "import tempfile; tempfile._os.remove('x')",
    "import inspect; inspect.os.remove('x')",
    "import operator; operator.methodcaller('remove', 'x')(__import__('os'))",
    "import timeit; timeit.timeit('import os; os.remove(1)')",
    "import sys; sys._getframe().f_builtins['open']('x', 'w')",
    "import gc; gc.get_objects()",
    "import fileinput; fileinput.input('x', inplace=True)",
]


@pytest.mark.parametrize("source", TRICKS)
def test_what_modules_reach_through_others_is_not_passed_over(source):
    kinds = {touch.kind for touch in review_python(source).touches}
    assert kinds & {"unknown", "write"}
