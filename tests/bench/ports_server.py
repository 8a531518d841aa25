#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Some of the servers of the ports bench, TCP or UDP.

ports_server.py tcp|udp FIRST COUNT

Every token is sent back with the client's port as seen here appended (see ports_client.py).
"""

import select
import socket
import sys

from ports_common import allow_files, server

TOKEN_MAX = 64
BUFFER = 4 << 20  # bytes, for answers to come in while this process waits for its turn


def answer(data, port):
    """What goes back."""
    return data + port.to_bytes(2, 'big')


class Servers:
    """Sockets by descriptor, each with what to do when it is readable."""

    def __init__(self):
        self.epoll = select.epoll()
        self.handlers = {}

    def add(self, sock, handler, *args):
        """Call handler(sock, *args) whenever sock is readable."""
        self.handlers[sock.fileno()] = (handler, sock, *args)
        self.epoll.register(sock, select.EPOLLIN)

    def accept(self, listener):
        """A new connection."""
        connection, (_, port) = listener.accept()
        connection.setblocking(False)
        self.add(connection, self.stream, port)

    def stream(self, connection, port):
        """A token on a connection, or its end."""
        try:
            data = connection.recv(TOKEN_MAX)
            if data:
                connection.send(answer(data, port))
                return
        except OSError:
            pass  # reset; its client counts that
        del self.handlers[connection.fileno()]
        connection.close()

    def datagram(self, sock):
        """A token in a datagram."""
        data, (address, port) = sock.recvfrom(TOKEN_MAX)
        sock.sendto(answer(data, port), (address, port))

    def listen(self, proto, address):
        """Serve on one address."""
        if proto == 'tcp':
            sock = socket.create_server(address, backlog=4096)
            self.add(sock, self.accept)
        else:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            sock.bind(address)
            self.add(sock, self.datagram)
        sock.setblocking(False)

    def run(self):
        """Serve until killed."""
        while True:
            for fd, _ in self.epoll.poll():
                handler, *args = self.handlers[fd]
                try:
                    handler(*args)
                except OSError:
                    pass  # one client's trouble (gone, or an ICMP error), not the server's


def main():
    """Command line."""
    proto, first, count = sys.argv[1:]
    allow_files()
    servers = Servers()
    for n in range(int(first), int(first) + int(count)):
        servers.listen(proto, server(n))
    print('ready', flush=True)
    servers.run()


if __name__ == '__main__':
    main()
