#!/usr/bin/env python3
"""far.py NAMESPACE MS: a cable between “far0” here and “far1” in a network namespace on which every packet takes so long.

This kernel has no netem; two TUN devices and a queue do the same.
"""
import ctypes
import fcntl
import heapq
import os
import select
import struct
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI, CLONE_NEWNET = 0x400454CA, 0x0001, 0x1000, 0x40000000


def tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def enter(namespace):
    handle = os.open("/run/netns/" + namespace, os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(handle, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns " + namespace)
    os.close(handle)


def packets(device):
    while True:
        try:
            yield os.read(device, 65536)
        except OSError:  # nothing more, or the device is not up yet
            return


here = tun("far0")
enter(sys.argv[1])
there = tun("far1")
delay = float(sys.argv[2]) / 1000
queue = []
count = 0
print("ready", flush=True)
while True:
    wait = max(0, queue[0][0] - time.monotonic()) if queue else None
    readable, _, _ = select.select([here, there], [], [], wait)
    for device in readable:
        for packet in packets(device):
            count += 1
            heapq.heappush(queue, (time.monotonic() + delay, count, there if device == here else here, packet))
    while queue and queue[0][0] <= time.monotonic():
        _, _, device, packet = heapq.heappop(queue)
        try:
            os.write(device, packet)
        except OSError:  # a device that is going away
            pass
