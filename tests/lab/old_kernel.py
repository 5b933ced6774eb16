#!/usr/bin/env python3
"""Runs a program as on Linux 3.10: system calls that came later answer ENOSYS (x86_64).

usage: old_kernel.py [--root DIR] PROGRAM [ARGUMENT]…

Numbers on x86_64 are given in the order in which calls come: the last one of 3.10 is 313, finit_module. What follows is
sched_setattr, renameat2, seccomp, getrandom, memfd_create, bpf, execveat, membarrier, copy_file_range, preadv2, statx,
io_uring_setup, pidfd_open, clone3, close_range, openat2, faccessat2 and all that came after.
"""

import ctypes
import os
import struct
import sys

LAST_OF_3_10 = 313
ARCHITECTURE = 0xC000003E  # AUDIT_ARCH_X86_64
ENOSYS = 38

# linux/bpf_common.h, linux/seccomp.h and linux/prctl.h
LOAD_WORD, JUMP_GREATER, JUMP_EQUAL, RETURN = 0x20, 0x25, 0x15, 0x06
OFFSET_NUMBER, OFFSET_ARCHITECTURE = 0, 4
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2


def forget_newer_calls():
    program = [
        (LOAD_WORD, 0, 0, OFFSET_ARCHITECTURE),
        (JUMP_EQUAL, 1, 0, ARCHITECTURE),
        (RETURN, 0, 0, KILL),
        (LOAD_WORD, 0, 0, OFFSET_NUMBER),
        (JUMP_GREATER, 1, 0, LAST_OF_3_10),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, ERRNO | ENOSYS),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    filter_program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, MODE_FILTER, ctypes.c_void_p(ctypes.addressof(filter_program)), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "the filter was refused")


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--root"]:
        os.chroot(arguments[1])
        os.chdir("/")
        arguments = arguments[2:]
    if not arguments:
        sys.exit(__doc__)
    forget_newer_calls()
    os.execvp(arguments[0], arguments)


if __name__ == "__main__":
    main()
