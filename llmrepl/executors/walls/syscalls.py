"""Numbers of the system calls the sandbox has something to say about, for each architecture.

From the kernel's own tables: arch/x86/entry/syscalls/syscall_64.tbl, and scripts/syscall.tbl, which
aarch64 shares with every newer architecture. None: the architecture has no such call.
"""

from __future__ import annotations

_TABLE: dict[str, tuple[int | None, int | None]] = {
    # Looking into and steering other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # Doors past this filter, or with a long record of kernel faults.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "memfd_secret": (447, 447),
    "fanotify_init": (300, 262),
    # Memory that outlives every process and is counted for none.
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    # Changing what is mounted.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    # Namespaces.
    "setns": (308, 268),
    "unshare": (272, 97),
    # The machine itself.
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
    "lookup_dcookie": (212, 18),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
    "nfsservctl": (180, 42),
}

_SHARED: dict[str, tuple[int | None, int | None]] = {
    # Changing files that one may not open: Landlock says nothing about these.
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "file_setattr": (469, 469),
    # Learning who opens which file.
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    # Memory and messages that other processes of the same user share.
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    # Slowing down other processes of the same user.
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
}

_ATTRIBUTES: dict[str, tuple[int | None, int | None]] = {
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "getxattr": (191, 8),
    "lgetxattr": (192, 9),
    "fgetxattr": (193, 10),
    "listxattr": (194, 11),
    "llistxattr": (195, 12),
    "flistxattr": (196, 13),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "getxattrat": (464, 464),
    "listxattrat": (465, 465),
    "removexattrat": (466, 466),
}


def _by_machine(table: dict[str, tuple[int | None, int | None]]) -> dict[str, dict[str, int]]:
    return {
        "x86_64": {name: x86 for name, (x86, _) in table.items() if x86 is not None},
        "aarch64": {name: arm for name, (_, arm) in table.items() if arm is not None},
    }


DENIED = _by_machine(_TABLE)
"""Calls that fail with EPERM whatever their arguments, by architecture."""

DENIED_IN_SHARED = _by_machine(_SHARED)
"""Those that fail so as well where blocks share all namespaces with the person."""

UNSUPPORTED_IN_SHARED = _by_machine(_ATTRIBUTES)
"""Those that fail there as on a file system without extended attributes."""

CHECKED: dict[str, dict[str, int]] = {
    "x86_64": {
        "clone": 56,
        "clone3": 435,
        "fcntl": 72,
        "ioctl": 16,
        "prlimit64": 302,
        "setsockopt": 54,
        "socket": 41,
        "socketpair": 53,
    },
    "aarch64": {
        "clone": 220,
        "clone3": 435,
        "fcntl": 25,
        "ioctl": 29,
        "prlimit64": 261,
        "setsockopt": 208,
        "socket": 198,
        "socketpair": 199,
    },
}
"""Calls whose arguments decide, by architecture."""
