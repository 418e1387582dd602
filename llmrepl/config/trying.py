"""Changes the person's configuration file only where all of it is accepted afterwards, here.

A value can be accepted for itself and still not fit: to a key that something else has, or to what
a project file says. Nothing is written then.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from llmrepl.config import kinds
from llmrepl.config.editing import replace_file, set_value, unset_value
from llmrepl.config.loading import Loaded, load
from llmrepl.config.showing import known
from llmrepl.errors import ConfigError


def change(
    file: Path, key: str, text: str | None, *, environ: Mapping[str, str], cwd: Path
) -> Loaded:
    """Set a setting in the person's file, and return the configuration that is in force then.

    Args:
        file: the configuration file; it need not exist.
        key: the dotted key.
        text: the value as `llmrepl config set` takes it; None takes the setting out.
        environ: the environment variables.
        cwd: the current folder, whose project file counts.

    Raises:
        ConfigError: it is not accepted, or cannot be written; the file is as it was.
    """
    path, setting = known(key)
    if setting.kind in kinds.HIDDEN and text is not None:
        raise ConfigError(
            f"{kinds.dotted(path)} is secret, and would stand in a file for everybody to read",
            hint="`llmrepl config set-key PROVIDER` keeps a key in the system's keyring",
        )
    draft = file.with_name(f".{file.name}.{os.getpid()}.draft")
    try:
        _copy(file, draft)
        if text is None:
            unset_value(draft, key)
        else:
            set_value(draft, key, text, cwd=cwd)
        load({}, environ, cwd, user_file=draft)
        replace_file(file, draft.read_text("utf-8"))
    except ConfigError as error:
        message = error.message.replace(str(draft), str(file))
        raise ConfigError(message, hint=error.hint.replace(str(draft), str(file))) from None
    except OSError as error:
        raise ConfigError(f"cannot change {file}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    return load({}, environ, cwd, user_file=file)


def _copy(file: Path, draft: Path) -> None:
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        text = ""
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: it is not UTF-8 text", hint="save it as UTF-8") from None
    replace_file(draft, text)
