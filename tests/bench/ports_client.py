#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A LAN host of the ports bench: many sessions, all open at the same time.

ports_client.py tcp|udp FIRST COUNT TIMEOUT SERVERS

The sessions have the numbers FIRST to FIRST + COUNT - 1, of all hosts together, and take the
servers 0 to SERVERS - 1 in turn. Each word on stdin is answered with one line of JSON on stdout:
    open    open all of them; a session is open when its first token has come back
    check   send another token through each that is open; it works when that comes back, too,
            and the server sees it come from the same port as before
The end of stdin ends all.

A session has failed when it is refused, reset, unreachable or unanswered for TIMEOUT seconds.
"""

import errno
import json
import select
import socket
import struct
import sys
import time
from collections import Counter, deque

from ports_common import allow_files, server

# Sessions begun and not finished, so that no queue on the way overflows. One that is silent for
# FRESH seconds has lost a packet and does not hold up the others any more.
WINDOW = 64
FRESH = 0.1
RETRY = 1.0  # seconds after which UDP sends again, like the first retransmission of a SYN
TOKEN = struct.Struct('!II')   # number of the session, round
ANSWER = struct.Struct('!IIH')  # the same, and the client's port as the server sees it
TCP_INFO_TOTAL_RETRANS = 100   # offset in struct tcp_info


class Session:
    """One session. port: external port of the first answer; why: what ended it, if it failed."""

    def __init__(self, number, kind, remote):
        self.number = number
        self.remote = remote
        self.socket = socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK)
        self.udp = kind == socket.SOCK_DGRAM
        self.round = 0
        self.port = None
        self.why = None
        self.resent = False
        self.finished = True   # of the current round
        self.fresh = False
        self.connected = False

    def begin(self):
        """Start a round: connect if need be, send the token."""
        self.round += 1
        self.finished = False
        if not self.connected:
            error = self.socket.connect_ex(self.remote)
            if error not in (0, errno.EINPROGRESS):
                raise OSError(error, 'connect')
            self.connected = self.udp
        if self.connected:
            self.send()

    def send(self):
        """Send the token of this round."""
        self.socket.send(TOKEN.pack(self.number, self.round))

    def writable(self):
        """The connection stands, or not."""
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, 'connect')
        self.connected = True
        self.send()

    def readable(self):
        """Take an answer; true when it is the one of this round."""
        data = self.socket.recv(64)
        if not data:
            raise OSError(errno.ECONNRESET, 'closed by the server')
        number, turn, port = ANSWER.unpack(data)
        if number != self.number:
            raise OSError(errno.EBADMSG, 'the answer of another session')
        if turn != self.round or self.finished:
            return False  # the second answer to a token that was sent twice
        if self.port not in (None, port):
            raise OSError(errno.EADDRNOTAVAIL, 'another port than before')
        self.port = port
        return True

    def retransmitted(self):
        """Did it need more than one attempt?"""
        if self.udp:
            return self.resent
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return struct.unpack_from('=I', info, TCP_INFO_TOTAL_RETRANS)[0] > 0


class Host:
    """All sessions of this host."""

    def __init__(self, kind, first, count, timeout, servers):
        self.timeout = timeout
        self.epoll = select.epoll()
        self.sessions = [Session(n, kind, server(n % servers))
                         for n in range(first, first + count)]
        self.by_fd = {s.socket.fileno(): s for s in self.sessions}
        self.fresh = 0

    def end(self, session, why=None):
        """The round of a session is over; why: how it failed."""
        if why and not session.why:
            session.why = why
            self.epoll.unregister(session.socket)
            session.socket.close()
        session.finished = True
        self.age(session)

    def age(self, session):
        """It no longer counts for the window."""
        self.fresh -= session.fresh
        session.fresh = False

    def attempt(self, session, action):
        """Do something with a session; an error ends it."""
        try:
            return action()
        except BlockingIOError:
            return None
        except OSError as e:
            self.end(session, errno.errorcode.get(e.errno, str(e)))
            return None

    def begin(self, session):
        """Begin a round of a session."""
        session.fresh = True
        self.fresh += 1
        if session.round == 0:
            events = select.EPOLLIN if session.udp else select.EPOLLOUT
            self.epoll.register(session.socket, events)
        self.attempt(session, session.begin)

    def event(self, session):
        """Something happened on the socket of a session."""
        if session.why:
            return
        if not session.connected:
            self.attempt(session, session.writable)
            if session.connected and not session.why:
                self.epoll.modify(session.socket, select.EPOLLIN)
        elif self.attempt(session, session.readable):
            self.end(session)

    def resend(self, session):
        """Send a datagram again."""
        session.resent = True
        self.attempt(session, session.send)

    def round(self, sessions):
        """One round of the given sessions; seconds it took."""
        start = now = time.monotonic()
        waiting, fresh, silent, begun = deque(sessions), deque(), deque(), deque()
        while waiting or begun:
            while waiting and self.fresh < WINDOW:
                session = waiting.popleft()
                self.begin(session)
                for queue in (fresh, silent, begun):
                    queue.append((now, session))
            for fd, _ in self.epoll.poll(0.01, 256):
                self.event(self.by_fd[fd])
            now = time.monotonic()
            for session in due(fresh, now - FRESH):
                self.age(session)
            for session in due(silent, now - RETRY):
                if session.udp:
                    self.resend(session)
                    silent.append((now, session))
            for session in due(begun, now - self.timeout):
                self.end(session, 'timeout')
        return now - start

    def open(self):
        """Open all sessions."""
        seconds = self.round(self.sessions)
        return report(self.sessions, [s for s in self.sessions if s.port], seconds)

    def check(self):
        """Send another token through all that were opened. Those that fail were disturbed."""
        opened = [s for s in self.sessions if s.port]
        seconds = self.round([s for s in opened if not s.why])
        return report(opened, [s for s in opened if not s.why], seconds)


def report(sessions, good, seconds):
    """What came out of a round of these sessions."""
    return {
        'good': len(good),
        'failed': Counter(s.why for s in set(sessions) - set(good)),
        'resent': sum(s.retransmitted() for s in good),
        'ports': sorted({s.port for s in good}),
        'seconds': round(seconds, 2),
    }


def due(queue, until):
    """Take those from the front that began before `until`, or have finished; give the former."""
    while queue and (queue[0][1].finished or queue[0][0] <= until):
        session = queue.popleft()[1]
        if not session.finished:
            yield session


def main():
    """Obey stdin."""
    proto, *numbers = sys.argv[1:]
    first, count, timeout, servers = map(int, numbers)
    allow_files()
    kind = {'tcp': socket.SOCK_STREAM, 'udp': socket.SOCK_DGRAM}[proto]
    host = Host(kind, first, count, timeout, servers)
    commands = {'open': host.open, 'check': host.check}
    for line in sys.stdin:
        print(json.dumps(commands[line.strip()]()), flush=True)


if __name__ == '__main__':
    main()
