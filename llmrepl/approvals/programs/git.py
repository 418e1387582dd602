"""What git touches: the network, uncommitted work, and the repository itself."""

from __future__ import annotations

from llmrepl.approvals.programs.addresses import in_remote, in_url, is_url
from llmrepl.approvals.programs.commands import Call, Handler
from llmrepl.approvals.programs.options import Options, split
from llmrepl.approvals.words import Word

_BEFORE = "C c git-dir work-tree namespace exec-path config-env"
_REMOTE = frozenset({"clone", "fetch", "pull", "push", "ls-remote", "submodule", "remote"})
_WRITES = frozenset(
    {"add", "am", "apply", "branch", "cherry-pick", "commit", "gc", "init", "merge", "mv", "notes"}
    | {"rebase", "revert", "rm", "stash", "switch", "tag", "update-index", "worktree"}
)


def _git(call: Call) -> bool:
    before = split(call.args, _BEFORE, interleaved=False)
    if not before.operands:
        return False
    verb = before.operands[0].text
    rest = before.operands[1:]
    options = split(rest, "m o b B u message branch depth origin")
    if verb in _REMOTE and not (verb == "remote" and not options.has("update", "prune")):
        _talks(call, verb, options)
    if verb in _WRITES:
        call.touch("write", Word(".git"), "the repository", whole=True)
    lost = _lost(verb, options, [word.text for word in rest])
    if lost:
        call.note("delete", Word(""), lost, danger=True)
    if verb == "clone" and len(options.operands) > 1:
        call.touch("write", options.operands[1], whole=True)
    return False


def _talks(call: Call, verb: str, options: Options) -> None:
    force = verb == "push" and options.has("f", "force", "mirror", "delete", "d")
    detail = "overwrites what is there" if force else ""
    for word in options.operands:
        host = in_url(word.text) if is_url(word.text) else in_remote(word.text)
        if host and word.known:
            call.note("network", Word(host), detail, danger=force)
            return
    told = ", ".join(filter(None, ("the remote of the repository", detail)))
    call.note("network", Word(""), told, danger=force)


def _lost(verb: str, options: Options, texts: list[str]) -> str:
    """Return what a git command throws away, in words."""
    if verb == "reset" and options.has("hard"):
        return "changes that are not committed"
    if verb == "clean" and not options.has("n", "dry-run"):
        return "files that git does not know"
    if verb in ("checkout", "restore") and (verb == "restore" or {"--", "."} & set(texts)):
        return "changes that are not committed"
    if verb == "stash" and texts[:1] in (["drop"], ["clear"]):
        return "stashed changes"
    if verb == "branch" and options.has("D"):
        return "a branch, merged or not"
    return ""


HANDLERS: dict[str, Handler] = {"git": _git}
