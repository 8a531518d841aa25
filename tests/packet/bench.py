# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The BPF programs on a bench: talks to build/tests/progrun and names what its maps hold."""
import json
import re
import struct
import subprocess
import time
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path
from socket import inet_aton, inet_ntoa

ROOT = Path(__file__).resolve().parents[2]
SECOND = 10 ** 9
CLOCK_MONOTONIC_COARSE = 6

TCP, UDP, ICMP = 6, 17, 1
SLOT = {TCP: 0, UDP: 1, ICMP: 2}
OP = {"arm": 2, "sweep": 3, "delete": 4, "demote": 5, "audit": 6}
STATE = ("open", "init", "est", "fin_out", "fin_in", "fin", "trans")
MAGIC = 0x6d617065

OVERLAPPED, QUEUED = 2, 1  # flags of a port
OVERLAP, OWN_PORT = 1, 2   # flags of a session
FAST_PATH, TCP_OFFLOAD = 1, 2  # flags of the config
ADDRESS, ENDPOINT, ADDRESS_PORT = 0, 1, 2  # filtering

# Test runs with skb->ip_summed = CHECKSUM_COMPLETE, and the sum checked afterwards (Linux 6.15).
CHECKSUM_COMPLETE = 1 << 2

# Names of the verdicts, the same for both hooks; an XDP_PASS with a note is a hand-off.
TC_VERDICT = {-1: "pass", 0: "ok", 2: "drop", 7: "redirect"}
XDP_VERDICT = {0: "aborted", 1: "drop", 2: "pass", 4: "redirect"}


class BenchError(Exception):
    """progrun refused a request."""


class Flow(namedtuple("Flow", "int_addr int_port rem_addr rem_port proto")):
    """struct mape_flow, the key of a session; addresses as text."""
    FORMAT = struct.Struct("=4s4sHHB3x")

    @classmethod
    def unpack(cls, data):
        internal, remote, int_port, rem_port, proto = cls.FORMAT.unpack(data)
        return cls(inet_ntoa(internal), int_port, inet_ntoa(remote), rem_port, proto)

    def pack(self):
        return self.FORMAT.pack(inet_aton(self.int_addr), inet_aton(self.rem_addr),
                                self.int_port, self.rem_port, self.proto)

    @property
    def endpoint(self):
        return Endpoint(self.int_addr, self.int_port, self.proto)


class Endpoint(namedtuple("Endpoint", "addr port proto")):
    """struct mape_endpoint."""
    FORMAT = struct.Struct("=4sHBx")

    @classmethod
    def unpack(cls, data):
        addr, port, proto = cls.FORMAT.unpack(data)
        return cls(inet_ntoa(addr), port, proto)


class Record:
    """A map's value as an object; FIELDS are (name, struct code) pairs in memory order."""
    FIELDS = ()

    def __init_subclass__(cls):
        cls.STRUCT = struct.Struct("=" + "".join(code for _, code in cls.FIELDS))
        cls.NAMES = [name for name, code in cls.FIELDS if not code.endswith("x")]

    def __init__(self, data):
        self.__dict__.update(zip(self.NAMES, self.STRUCT.unpack(data)))

    def pack(self):
        return self.STRUCT.pack(*(getattr(self, name) for name in self.NAMES))

    def __repr__(self):
        return " ".join(f"{name}={getattr(self, name)!r}" for name in self.NAMES)


class Session(Record):
    """struct mape_session."""
    FIELDS = (("dead", "I"), ("serial", "I"), ("last_out", "Q"), ("last_in", "Q"),
              ("packets_out", "Q"), ("bytes_out", "Q"), ("packets_in", "Q"), ("bytes_in", "Q"),
              ("ext_port", "H"), ("index", "H"), ("generation", "H"), ("state", "B"),
              ("flags", "B"), ("queued", "B"), ("in_ok", "B"), ("out_ok", "B"), ("pad", "B"),
              ("lan_ifindex", "I"), ("port_ifindex", "I"), ("lan_mac", "6s"),
              ("host_mac", "6s"), ("entered", "I"), ("seen", "I"), ("confirmed", "I"),
              ("pending", "I"), ("far", "16s"))

    @property
    def state_name(self):
        return STATE[self.state]

    @property
    def offloaded(self):
        return bool(self.in_ok and self.out_ok)


class Mapping(Record):
    """struct mape_mapping."""
    FIELDS = (("refs", "I"), ("serial", "I"), ("index", "H"), ("ext_port", "H"),
              ("generation", "H"), ("pad", "2x"))


class Port(Record):
    """struct mape_port."""
    FIELDS = (("refs", "I"), ("flags", "H"), ("generation", "H"), ("owner", "8s"),
              ("freed", "Q"))


Overlap = namedtuple("Overlap", "rem_addr rem_port ext_port proto")


def unpack_overlap(data):
    addr, rem_port, ext_port, proto = struct.unpack("=4sHHB3x", data)
    return Overlap(inet_ntoa(addr), rem_port, ext_port, proto)


@dataclass
class Run:
    """What a program did with a packet."""
    verdict: str
    data: bytes
    meta: bytes = b""
    errno: int = 0
    mark: int = 0

    @property
    def to_br(self):
        """It left encapsulated (and not as an ICMP error back to its sender)."""
        return self.verdict == "redirect" and self.data[12:14] == b"\x86\xdd"

    @property
    def note(self):
        """The hand-off in front of the packet: (tunnel's exit, where to, fast)."""
        magic, exit_ifindex, ifindex, fast = struct.unpack("=IIII", self.meta)
        assert magic == MAGIC
        return exit_ifindex, ifindex, fast


def outcome_keys():
    """Counter names in their order, from the one list of them."""
    text = (ROOT / "include/mape/outcome.h").read_text()
    return re.findall(r'^\tX\(\w+, "(\w+)", [01],', text, re.M)


class Bench:
    """One progrun process. Closing it leaves nothing behind."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.devices = self.ask("devices")
        self.keys = outcome_keys()
        self.offset = 0
        self.tc_decap = True
        self.checksum_complete = False

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()

    def ask_many(self, requests):
        """Sends all requests in one go, then reads the answers."""
        for start in range(0, len(requests), 100):  # a pipe holds only so much
            chunk = requests[start:start + 100]
            self.process.stdin.write("".join(json.dumps(r) + "\n" for r in chunk).encode())
            self.process.stdin.flush()
            for request in chunk:
                yield self.answer(request)

    def answer(self, request):
        line = self.process.stdout.readline()
        if not line:
            raise BenchError(f"progrun ended with {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise BenchError(f"{request['cmd']}: {answer['error']}")
        return answer

    def ask(self, cmd, **fields):
        return next(self.ask_many([dict(cmd=cmd, **fields)]))

    def batch(self, steps):
        """Runs a Batch; its results in order."""
        request = dict(cmd="batch", bytes=len(steps.data), progs=steps.PROGS)
        self.process.stdin.write(json.dumps(request).encode() + b"\n" + steps.data)
        self.process.stdin.flush()
        size = self.answer(request)["bytes"]
        return steps.results(self.process.stdout.read(size))

    def load(self, reserve=0, **config):
        # The strictest filter, unless a test is about the others.
        config.setdefault("filtering", ADDRESS_PORT)
        self.offset = 0
        answer = self.ask("load", config=config, reserve=reserve)
        self.tc_decap = answer["tc_decap"]
        # An Ethernet header and nothing known: passes lan_tc untouched.
        self.checksum_complete = not self.run("lan_tc", bytes(64), flags=CHECKSUM_COMPLETE).errno
        return answer

    def set(self, **config):
        self.ask("set", config=config)

    def now(self, seconds):
        """The programs' clock runs this many seconds ahead."""
        self.offset = int(seconds * SECOND)
        self.ask("now", ns=self.offset)

    def ticks(self):
        """The clock in the unit of a session's offload marks."""
        now = time.clock_gettime_ns(CLOCK_MONOTONIC_COARSE) + self.offset
        return now >> 20 & 0xffffffff | 1

    def run_request(self, prog, data, **context):
        return dict(cmd="run", prog=prog, data=data.hex(), **context)

    def run_result(self, prog, answer):
        verdicts = XDP_VERDICT if prog.endswith("_xdp") else TC_VERDICT
        meta = bytes.fromhex(answer.get("meta", ""))
        verdict = verdicts.get(answer["ret"], str(answer["ret"]))
        return Run("handoff" if verdict == "pass" and meta else verdict,
                   bytes.fromhex(answer.get("data", "")), meta, answer.get("errno", 0),
                   answer.get("mark", 0))

    def run(self, prog, data, **context):
        return self.run_result(prog, self.ask(**self.run_request(prog, data, **context)))

    def run_all(self, prog, packets):
        """Runs a program over many packets."""
        requests = [self.run_request(prog, packet) for packet in packets]
        return [self.run_result(prog, answer) for answer in self.ask_many(requests)]

    def control(self, op, flow=None, **fields):
        if flow:
            fields["flow"] = flow.pack().hex()
        return self.ask("control", op=OP[op], **fields)

    def sweep(self):
        """Visits every session once, whatever the timers do meanwhile."""
        return self.control("sweep", count=self.live() * 2 + 100)["expired"]

    def dump(self, name):
        return [(bytes.fromhex(key), bytes.fromhex(value))
                for key, value in self.ask("dump", map=name)["items"]]

    def sessions(self):
        return {Flow.unpack(key): Session(value) for key, value in self.dump("sessions")}

    def session(self, flow):
        value = self.ask("lookup", map="sessions", key=flow.pack().hex()).get("value")
        return value and Session(bytes.fromhex(value))

    def mappings(self):
        return {Endpoint.unpack(key): Mapping(value) for key, value in self.dump("mappings")}

    def overlaps(self):
        return {unpack_overlap(key): Endpoint.unpack(value)
                for key, value in self.dump("overlaps")}

    def ports(self, proto):
        ports = [Port(value) for _, value in self.dump("ports")]
        count = len(ports) // 3
        return ports[SLOT[proto] * count:][:count]

    def live(self):
        return struct.unpack("=q", self.dump("live")[0][1])[0]

    def counters(self):
        """Packets and bytes by outcome, of all processors together."""
        table = {}
        for key, value in self.dump("outcomes"):
            numbers = struct.unpack(f"={len(value) // 8}Q", value)
            table[self.keys[struct.unpack("=I", key)[0]]] = (sum(numbers[::2]),
                                                             sum(numbers[1::2]))
        return table

    def counted(self, before):
        """Packets by outcome since counters() gave `before`, without zeros."""
        return {name: packets - before[name][0] for name, (packets, _) in self.counters().items()
                if packets != before[name][0]}

    def audit(self, proto):
        return self.control("audit", slot=SLOT[proto])

    def poke(self, flow, **fields):
        """Changes fields of a session record, as only a test may."""
        session = self.session(flow)
        session.__dict__.update(fields)
        self.ask("update", map="sessions", key=flow.pack().hex(), value=session.pack().hex())
