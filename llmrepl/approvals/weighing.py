"""Which touches are dangers: what cannot be undone, secrets, and what runs outside the project."""

from __future__ import annotations

import re

from llmrepl.approvals.touches import ELEVATED, EXACT, LIKELY, Touch

_SECRETS = re.compile(
    r"(?:^|/)(?:"
    r"\.ssh(?:/|$)|\.gnupg(?:/|$)|\.aws(?:/|$)|\.kube(?:/|$)|\.docker/config\.json$"
    r"|\.netrc$|\.npmrc$|\.pypirc$|\.git-credentials$|\.pgpass$|\.env(?:\.[\w.-]+)?$"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)[^/]*$|[^/]*\.(?:pem|key|p12|pfx|kdbx)$"
    r"|credentials(?:\.json)?$|\.config/gcloud(?:/|$)|\.config/gh(?:/|$)"
    r")|^/etc/(?:shadow|gshadow|sudoers)|^/proc/(?:\d+|self)/(?:environ|mem)$"
)
_STARTED = re.compile(
    r"(?:^|/)(?:"
    r"\.(?:bash|zsh)\w*|\.profile|\.inputrc|\.vimrc|\.gitconfig|\.git/(?:hooks|config).*"
    r"|\.config/(?:autostart|systemd|fish|llmrepl).*|\.llmrepl\.toml|\.vscode/.*|\.envrc"
    r"|crontab|sitecustomize\.py|usercustomize\.py|.*\.pth"
    r")$"
)
_OUTSIDE = re.compile(r"^(?:/(?!tmp/|dev/null$|dev/std|dev/fd/)|~|(?:.*/)?\.\.(?:/|$))")


def is_danger(touch: Touch) -> bool:
    """Return whether a person should look at `touch` before anything else."""
    if touch.kind == "delete":
        known = touch.form in (EXACT, LIKELY)
        return touch.whole or not known or bool(_OUTSIDE.match(touch.target))
    if touch.kind == "write":
        return bool(_OUTSIDE.match(touch.target) or _STARTED.search(touch.target))
    if touch.kind == "read":
        return bool(_SECRETS.search(touch.target))
    return touch.command is not None and not ELEVATED.isdisjoint(touch.command.through)
