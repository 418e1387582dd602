"""Texts that the estimator is measured on."""

from __future__ import annotations

import argparse
import base64
import inspect
import json
import random

ENGLISH = """\
The harbour was still dark when the first boats came in. Nobody on the quay spoke much, because
everybody knew what the night had been like: a hard wind from the north-west, rain that went
through oilskins as if they were paper, and a sea that had turned three of them back before the
lighthouse. Still, they had fish. Margaret counted forty-two boxes on the first boat alone, wrote
the number down with a pencil that kept slipping out of her wet fingers, and went on to the next.
By seven o'clock the lorries stood in a line along the wall, engines running, and the drivers drank
their tea out of paper cups. "You'd think," said one of them, "that they would have stayed at home
on a night like this." She did not answer. Her father had been out on worse ones, and so had his.
It wasn't courage, whatever the newspapers printed every November; it was the loan on the boat, the
price of diesel, and the plain fact that a harbour without boats is only a wall with water in it.
"""

JAPANESE = """\
朝の港はまだ暗く、最初の船が戻ってきたとき、岸壁で話す人はほとんどいなかった。昨夜がどんな夜だったか、\
誰もが知っていたからである。北西からの強い風、紙のように合羽を通してしまう雨、そして灯台の手前で三隻を\
引き返させた海。それでも魚はあった。彼女は最初の船だけで四十二箱を数え、濡れた指から何度も滑り落ちる鉛筆で\
その数を書きとめ、次の船へ向かった。七時にはトラックが壁に沿って並び、運転手たちは紙コップでお茶を飲んでいた。
このプログラムは、ファイルを読み込んで単語の数を数え、結果を画面に表示します。エラーが発生した場合は、\
メッセージを確認してから、もう一度実行してください。設定ファイルの場所は環境変数で変更できます。
"""

_random = random.Random(20261121)

SAMPLES = {
    "english": ENGLISH,
    "code": inspect.getsource(argparse),
    "japanese": JAPANESE,
    "base64": base64.encodebytes(_random.randbytes(20_000)).decode(),
    "json": json.dumps(
        [{"id": i, "name": f"user {i}", "score": _random.random()} for i in range(300)], indent=2
    ),
    "one kind of space": " " * 20_000,
    "indented lines": "".join(" " * _random.choice((4, 8, 12)) + "x\n" for _ in range(2_000)),
    "shuffled space": "".join(_random.choice(" \t\n") for _ in range(20_000)),
}

WITHIN = {
    "english": 0.05,
    "code": 0.07,
    "japanese": 0.07,
    "base64": 0.15,
    "json": 0.06,
    "one kind of space": 0.02,
    "indented lines": 0.02,
    "shuffled space": 0.35,
}
"""How far the estimate may be from tiktoken's o200k_base, as a part of it."""
