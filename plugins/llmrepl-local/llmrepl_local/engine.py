"""One loaded model, in the process that runs it. Here alone llama.cpp is called."""

from __future__ import annotations

import codecs
import ctypes
import random
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmrepl_local.prompt import CHATML, CHATML_END, Template, Unwritable, written
from llmrepl_local.stops import Stops

CONTROL = 1 << 3
"""The attribute of control tokens in llama.cpp, which a template puts between messages."""

SEEDS = 2**32 - 1
"""How many seeds there are; the last number stands for a random one."""

THOUGHT = "<think>"
LOUD = (4, 5)
"""The levels of llama.cpp's messages that are errors, or go on with one."""

LINES_KEPT = 20


class Refusal(Exception):
    """The model cannot do this; the second argument is a hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Ended:
    """How a reply ended: end_turn, max_tokens or cancelled, and what was read and written."""

    stop: str
    read: int
    cached: int
    wrote: int


class Engine:
    """A model.

    Args:
        path: its file.
        context: how many tokens it is to take at once.
        options: for loading it, as llama-cpp-python has them.
        stopped: says whether what is being done is not wanted any more; asked very often.

    Raises:
        Refusal: llama.cpp cannot load it.
    """

    def __init__(
        self, path: str, context: int, options: Mapping[str, Any], stopped: Callable[[], bool]
    ) -> None:
        import llama_cpp
        from jinja2 import TemplateError

        self._api: Any = llama_cpp
        self._said: list[str] = []
        self._listen = llama_cpp.llama_log_callback(self._hear)  # kept: it is called from C
        llama_cpp.llama_log_set(self._listen, ctypes.c_void_p(0))
        try:
            self._llama: Any = llama_cpp.Llama(path, n_ctx=context, verbose=False, **options)
        except TemplateError as error:  # which it reads when it loads the rest
            raise Refusal(f"the file's template cannot be read: {error}") from None
        except (ValueError, RuntimeError, OSError) as error:
            raise Refusal(f"llama.cpp cannot load {path}: {self._last_words or error}") from None
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._llama.model)
        self._stopped = stopped
        self._abort = llama_cpp.ggml_abort_callback(lambda _: stopped())
        llama_cpp.llama_set_abort_callback(self._llama.ctx, self._abort, ctypes.c_void_p(0))
        self.context: int = self._llama.n_ctx()
        self._stop_too: tuple[str, ...] = ()
        self._template = self._own_template()
        self._control = self._control_tokens()

    def answer(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        stop: Sequence[str] = (),
        most: int | None = None,
        sampling: Mapping[str, Any],
        seed: int | None = None,
    ) -> Iterator[str | Ended]:
        """Yield the reply's text as it is written, and how it ended last.

        Args:
            messages: with `role` and `content`.
            stop: strings that end the reply, and are no part of it.
            most: how many tokens it may have; None for as many as there is room for.
            sampling: how tokens are chosen, as llama-cpp-python has it.
            seed: the same one gives the same reply; None for another each time.

        Raises:
            Refusal: the conversation is too long, or the template cannot write it.
        """
        tokens, opening = self._prompt(messages)
        read = len(tokens)
        if read >= self.context:
            raise Refusal(
                f"the conversation takes {read:,} tokens, and the model {self.context:,} at once",
                "/compact makes room; providers.local.options.n_ctx says how many it takes",
            )
        room = self.context - read
        most = room if most is None else min(most, room)
        cached = self._cached(tokens)
        self._llama.set_seed(random.getrandbits(31) if seed is None else seed % SEEDS)
        if opening:
            yield opening
        writing = self._tokens(tokens, sampling)
        ended, wrote = yield from self._text(writing, Stops((*stop, *self._stop_too)), most)
        yield Ended(ended, read, cached, wrote)

    def _text(
        self, tokens: Iterator[int], stops: Stops, most: int
    ) -> Generator[str, None, tuple[str, int]]:
        """Yield the text of tokens; return why it ends and how many they were."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        wrote, ended = 0, "cancelled"
        for token in tokens:
            if self._stopped():
                return "cancelled", wrote
            if self._api.llama_vocab_is_eog(self._vocabulary, token):
                ended = "end_turn"
                break
            wrote += 1
            if text := stops.feed(decoder.decode(self._llama.detokenize([token]))):
                yield text
            if stops.met:
                return "end_turn", wrote
            if wrote >= most:
                ended = "max_tokens"
                break
        rest = stops.feed(decoder.decode(b"", final=True))
        if rest := rest + stops.rest():
            yield rest
        return ended, wrote

    def _tokens(self, prompt: list[int], sampling: Mapping[str, Any]) -> Iterator[int]:
        """Yield the reply's tokens; ends where it is stopped in the middle of one."""
        try:
            yield from self._llama.generate(prompt, **sampling)
        except RuntimeError as error:
            if not self._stopped():
                raise Refusal(f"llama.cpp failed: {self._last_words or error}") from None

    def _cached(self, prompt: Sequence[int]) -> int:
        """Return how many tokens of the prompt the model has read already.

        What a recurrent model has read cannot be taken back in part.
        """
        llama, api = self._llama, self._api
        known = llama.input_ids[: llama.n_tokens].tolist()
        same = next(
            (n for n, (a, b) in enumerate(zip(known, prompt, strict=False)) if a != b),
            min(len(known), len(prompt)),
        )
        model = llama.model
        whole = api.llama_model_is_recurrent(model) or api.llama_model_is_hybrid(model)
        return 0 if whole and same < len(known) else same

    def _prompt(self, messages: Sequence[Mapping[str, str]]) -> tuple[list[int], str]:
        """Return the conversation in tokens, and what the template lets the reply begin with."""
        try:
            pieces = written(self._template, messages, self._control)
        except Unwritable as problem:
            raise Refusal(
                f"the file's template cannot write this conversation: {problem}"
            ) from None
        text = "".join(piece.text for piece in pieces)
        api, vocabulary = self._api, self._vocabulary
        first = self._text_of(api.llama_vocab_bos(vocabulary))
        begins = api.llama_vocab_get_add_bos(vocabulary) and not (first and text.startswith(first))
        tokens: list[int] = []
        for index, piece in enumerate(pieces):
            tokens += self._llama.tokenize(
                piece.text.encode(), add_bos=begins and not index, special=not piece.plain
            )
        opening = f"{THOUGHT}\n" if text.rstrip().endswith(THOUGHT) else ""
        return tokens, opening

    def _own_template(self) -> Template:
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        api, vocabulary = self._api, self._vocabulary
        source = self._llama.metadata.get("tokenizer.chat_template")
        if not source:
            source, self._stop_too = CHATML, (CHATML_END,)
        formatter = Jinja2ChatFormatter(
            template=source,
            bos_token=self._text_of(api.llama_vocab_bos(vocabulary)),
            eos_token=self._text_of(api.llama_vocab_eos(vocabulary)),
        )
        return lambda messages: str(formatter(messages=messages).prompt)

    def _control_tokens(self) -> list[str]:
        api, vocabulary = self._api, self._vocabulary
        return [
            text
            for token in range(self._llama.n_vocab())
            if api.llama_vocab_get_attr(vocabulary, token) & CONTROL
            and (text := self._text_of(token))
        ]

    @property
    def _last_words(self) -> str:
        """What llama.cpp said went wrong, in one line."""
        return " ".join("".join(self._said).split())

    def _text_of(self, token: int) -> str:
        if token < 0:
            return ""
        text: bytes = self._api.llama_vocab_get_text(self._vocabulary, token)
        return text.decode("utf-8", "replace")

    def _hear(self, level: int, text: bytes, _: object) -> None:
        if level in LOUD:
            self._said = [*self._said[1 - LINES_KEPT :], text.decode("utf-8", "replace")]
