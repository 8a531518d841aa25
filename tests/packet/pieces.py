# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Cutting packets into fragments, and running what the programs send round again."""
import ctypes
import os
import random
import socket
import subprocess
import threading
import time

from scapy.all import IP, IPv6, IPv6ExtHdrFragment, Raw, raw

import wire

CLONE_NEWNET = 0x40000000
PACKET_OUTGOING = 4


def cuts(length, parts, header=32):
    """[(offset, end)] of so many parts, all but the last multiples of eight bytes."""
    at = sorted(random.Random(length).sample(range(header // 8, (length - 1) // 8 + 1),
                                             parts - 1))
    edges = [0, *(8 * a for a in at), length]
    return list(zip(edges, edges[1:]))


def ipv4_piece(packet, start, end, **fields):
    """The fragment of an IPv4 packet with these bytes of its payload."""
    data = raw(packet)
    head = IP(data[:(data[0] & 15) * 4])
    payload = data[(data[0] & 15) * 4:]
    head.len = head.chksum = None
    head.flags = "MF" if end < len(payload) else 0
    head.frag = start // 8
    for name, value in fields.items():
        setattr(head, name, value)
    return head / Raw(payload[start:end])


def ipv4_pieces(packet, where):
    return [ipv4_piece(packet, *at) for at in where]


def ipv6_piece(inner, start, end, ident=7, **outer):
    """The outer fragment with these bytes of the inner packet."""
    data = raw(inner)
    head = IPv6ExtHdrFragment(nh=4, offset=start // 8, m=end < len(data), id=ident)
    return wire.frame(wire.WAN_MAC, wire.GATEWAY_MAC,
                      IPv6(src=outer.pop("src", wire.BR), dst=wire.CE, nh=44, **outer) /
                      head / Raw(data[start:end]))


def ipv6_pieces(inner, where, **outer):
    return [ipv6_piece(inner, *at, **outer) for at in where]


def socket_inside(pid, device):
    """A packet socket on a device of a process's network namespace."""
    made = []

    def inside():
        fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(fd)
        made.append(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)))
        made[0].bind((device, 0))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    return made[0]


class Round:
    """Runs the programs of a line, and again for what they send back to where it came from."""
    DEVICE = {"out": "mape0x", "wan": "wan0"}

    def __init__(self, line):
        self.line = line
        self.bench = line.bench
        pid = self.bench.process.pid
        for command in ("link set mape0x up", "link set mape0 up"):
            subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "ip", *command.split()],
                           check=True)
        self.sniffers = {path: socket_inside(pid, device)
                         for path, device in self.DEVICE.items()}
        time.sleep(0.01)

    def close(self):
        for sniffer in self.sniffers.values():
            sniffer.close()

    def program(self, path, frame, flags=0):
        """One program run; of the XDP hook's two halves, the second only if the first passes. A
        frame that changes its length loses the device's sum of it, so none is checked here."""
        ifindex = self.bench.devices[self.DEVICE[path]]
        if path == "wan" and self.line.hook == "xdp":
            run = self.line.run(path, frame)
            if run.verdict != "pass":
                return run
            wire.assert_same(frame, run.data)
            return self.bench.run("wan_handoff", raw(frame), ifindex=ifindex, flags=flags)
        return self.line.run(path, frame, ifindex=ifindex, flags=flags)

    def returned(self, path):
        """The frames that were sent back to the beginning of the path's device."""
        frames = []
        while True:
            try:
                data, address = self.sniffers[path].recvfrom(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return frames
            ours = data[12:14] == b"\x08\0" if path == "out" else \
                data[12:14] == b"\x86\xdd" and data[20] == 4
            if ours and address[2] != PACKET_OUTGOING:
                frames.append(data)

    def feed(self, path, frames, flags=0):
        """Runs frames one after the other; those that leave, in their order."""
        left = []
        for frame in frames:
            run = self.program(path, frame, flags)
            assert run.errno == 0, run.errno
            if run.verdict == "redirect":
                left.append(run.data)
            left += self.feed(path, self.returned(path), flags)
        return left
