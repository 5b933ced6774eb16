"""Mounts a file system that never answers, says so in a pipe, and stays until it is killed.

usage: dead_fuse.py MOUNT_POINT READY_PIPE

It dies with the process that started it; the kernel then ends whatever waited for an answer.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

mount_point, ready = sys.argv[1:3]
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
device = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
if libc.mount(b"dead", mount_point.encode(), b"fuse", 0, options) != 0:
    answer = f"failed: {os.strerror(ctypes.get_errno())}\n"
else:
    answer = "ready\n"
with open(ready, "w") as pipe:
    pipe.write(answer)
if answer == "ready\n":
    signal.pause()
