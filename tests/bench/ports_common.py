# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the clients and the servers of the ports bench agree on."""

import resource

SERVER_PORTS = (80, 443, 853, 3478, 8443)  # of each address
SERVER_PREFIX, FIRST_SERVER = '198.51.100.', 100
SERVERS_MAX = 40 * len(SERVER_PORTS)
SPARE_FILES = 256  # a process has open besides its sessions


def server(number):
    """(address, port) of a server, 0 to SERVERS_MAX - 1."""
    address, port = divmod(number, len(SERVER_PORTS))
    return f'{SERVER_PREFIX}{FIRST_SERVER + address}', SERVER_PORTS[port]


def server_addresses():
    """Addresses of all servers."""
    return [server(n)[0] for n in range(0, SERVERS_MAX, len(SERVER_PORTS))]


def allow_files():
    """Let this process have as many sockets as it may, and return how many sessions that are."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard - SPARE_FILES


def split(count):
    """Cut `count` sessions into as few parts as processes may have sockets for."""
    parts = -(-count // allow_files())
    return [count // parts + (n < count % parts) for n in range(parts)]
