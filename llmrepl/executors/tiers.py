"""The tiers: what stands between blocks and the machine, and in words what does not.

`auto` is the sandbox, or none at all; on macOS it is `seatbelt`. The others are weaker and never
chosen by anything but the person's own word.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier.

    Args:
        name: what runs the blocks, as `ToolStarted` has it.
        title: what it is, for people.
        namespaces: whether blocks have namespaces of their own; their scratch is /tmp then.
        walls: whether anything keeps blocks from what the person can do.
        lasting: whether Python's variables and bash's directory last from block to block.
        rules: what the model is told of it, a sentence each.
        gaps: what it does not do that `auto` does, a sentence each.
    """

    name: str
    title: str
    namespaces: bool
    walls: bool
    lasting: bool = True
    rules: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()


_SCRATCH = (
    "The only directory that can be written is the one in $SCRATCH (and $TMPDIR); it is private and"
    " kept for the session, and files left in $SCRATCH/artifacts are handed to the person. The"
    " project is read-only."
)

TIERS = {
    "auto": Tier("bubblewrap", "the full sandbox", namespaces=True, walls=True),
    "reduced": Tier(
        "landlock",
        "REDUCED sandbox",
        namespaces=False,
        walls=True,
        rules=(
            f"{_SCRATCH} /tmp, /proc and /dev/shm are closed.",
            (
                "Modes, owners and times of files cannot be changed, not even in the scratch:"
                " chmod, touch of a file that exists, cp -p and the like fail. Run a script as"
                " `bash FILE` or `python FILE`."
            ),
        ),
        gaps=(
            (
                "Blocks can tell whether any file exists, with its size, owner and times; they can"
                " open none outside what is allowed."
            ),
            (
                "Files in the project that usually hold secrets (.env, *.pem and the like) can be"
                " read."
            ),
            "The project is read-only: no copy of it can be written, and no host can be allowed.",
            (
                "Modes, owners, times and attributes of files cannot be changed at all: chmod,"
                " touch, cp -p, tar and git init fail or complain in the scratch, too."
            ),
            (
                "/tmp, /proc and /dev/shm are closed: ps and multiprocessing do not work. The"
                " scratch has another path, which is in TMPDIR and SCRATCH."
            ),
            (
                "Blocks run as you, on your host name and with your process numbers, and the"
                " system's own limit on processes counts your other programs, too."
            ),
            (
                "One fault in Landlock or in the system call filter opens the machine; the full"
                " sandbox has namespaces behind them."
            ),
        ),
    ),
    "seatbelt": Tier(
        "sandbox-exec",
        "EXPERIMENTAL macOS sandbox",
        namespaces=False,
        walls=True,
        lasting=False,
        rules=(
            _SCRATCH,
            (
                "Each block is a program of its own: nothing lasts from one to the next but files"
                " in $SCRATCH. Print what you want to see; the value of a last expression is not"
                " shown."
            ),
        ),
        gaps=(
            (
                "It is experimental: nobody has tried it on a real Mac yet. Each time it starts it"
                " has to prove itself, and nothing runs where it does not."
            ),
            "The project is read-only: no copy of it can be written, and no host can be allowed.",
            (
                "Blocks can tell whether any file exists, with its size, owner and times; they can"
                " open none outside what is allowed."
            ),
            "Variables and the working directory do not last from block to block.",
            (
                "Memory and the size of the scratch are not limited, the number of processes counts"
                " your other programs, too, and a process that leaves its group outlives its block."
            ),
        ),
    ),
    "off": Tier(
        "unsandboxed",
        "NO SANDBOX",
        namespaces=False,
        walls=False,
        rules=(
            (
                "There is no sandbox: blocks run as the person, on the person's own files and"
                " network, and each is shown to the person before it runs. Change nothing that you"
                " were not asked to change."
            ),
        ),
        gaps=(
            (
                "Blocks can do whatever you can: read, change and delete every file of yours, use"
                " the network and every service you are logged in to, and signal your processes."
            ),
            (
                "Only the limits on time, output, memory and processes are left, and what a block"
                " leaves running is ended as long as it does not hide from us."
            ),
        ),
    ),
}
"""Every tier by its name in `sandbox.tier`, the strictest first."""
