"""A filter of system calls for the sandbox: no memory that is counted nowhere, no new namespaces, no other processes.

A file in memory (memfd), shared memory of System V or a mounted file system would be memory that belongs to no process.
The filter is a program of classic BPF, as seccomp(2) describes it, and bubblewrap loads it (`--seccomp`).
"""

import platform
import struct

ALLOW, REFUSE, UNKNOWN, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000  # EPERM, ENOSYS
NAMESPACES = 0x7E020000  # CLONE_NEW...
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CLONE, CLONE3 = {"x86_64": 56, "aarch64": 220}, 435
REFUSED = {  # name: its number on x86_64 and aarch64
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
}


def program(machine=None):
    """Return the bytes of the filter for a kind of processor, or None for one that the table lacks."""
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        return None
    column = list(ARCHITECTURES).index(machine)
    steps = [
        _step(0x20, 4),  # load the architecture
        _step(0x15, ARCHITECTURES[machine], 1, 0),
        _step(0x06, KILL),
        _step(0x20, 0),  # load the number of the call
        _step(0x35, 0x40000000, 0, 1),  # x32, other numbers for the same calls
        _step(0x06, REFUSE),
    ]
    for numbers in REFUSED.values():
        steps += [_step(0x15, numbers[column], 0, 1), _step(0x06, REFUSE)]
    steps += [_step(0x15, CLONE3, 0, 1), _step(0x06, UNKNOWN)]  # its flags are in memory: libraries then call clone
    steps += [_step(0x15, CLONE[machine], 0, 3), _step(0x20, 16), _step(0x45, NAMESPACES, 0, 1), _step(0x06, REFUSE)]
    return b"".join([*steps, _step(0x06, ALLOW)])


def _step(code, value, true=0, false=0):
    return struct.pack("=HBBI", code, true, false, value)
