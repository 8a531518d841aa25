#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The IPv4 servers of the lab: TCP and UDP port 7000 on every address given.

A TCP client says in one line what it wants:
    WHO                 the server answers with the client's "ADDRESS PORT" and closes
    ECHO                the server sends back what it gets; at RESET it resets the connection
    SINK                the server reads to the end and answers with "SHA256 LENGTH"
    SOURCE LENGTH SEED  the server sends pattern(SEED, LENGTH)
UDP: WHO as above, anything else is sent back.
"""

import asyncio
import hashlib
import random
import socket
import struct
import sys

PORT = 7000
BLOCK = 65536


def pattern(seed, length):
    """Blocks of `length` reproducible bytes in all; no two blocks are the same."""
    base = random.Random(seed).randbytes(BLOCK - 8)
    for i in range(0, length, BLOCK):
        yield ((i // BLOCK).to_bytes(8, 'big') + base)[:length - i]


async def sink(reader, writer):
    """Read to the end, answer with what it was."""
    digest, length = hashlib.sha256(), 0
    while data := await reader.read(BLOCK):
        digest.update(data)
        length += len(data)
    writer.write(f'{digest.hexdigest()} {length}\n'.encode())


def reset(writer):
    """Make close() send RST instead of FIN."""
    writer.get_extra_info('socket').setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                               struct.pack('ii', 1, 0))


async def echo(reader, writer):
    """Send everything back."""
    while data := await reader.read(BLOCK):
        if data.endswith(b'RESET'):
            reset(writer)
            return
        writer.write(data)
        await writer.drain()


async def source(writer, length, seed):
    """Send a pattern."""
    for block in pattern(seed, length):
        writer.write(block)
        await writer.drain()


async def serve_tcp(reader, writer):
    """One connection."""
    try:
        command, *words = (await reader.readline()).decode('ascii', 'replace').split() or ['']
        if command == 'WHO':
            writer.write('{} {}\n'.format(*writer.get_extra_info('peername')).encode())
        elif command == 'SINK':
            await sink(reader, writer)
        elif command == 'ECHO':
            await echo(reader, writer)
        elif command == 'SOURCE':
            await source(writer, int(words[0]), words[1])
        writer.close()
        await writer.wait_closed()
    except OSError:
        writer.close()


class UdpServer(asyncio.DatagramProtocol):
    """UDP on one address."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto('{} {}'.format(*addr).encode() if data == b'WHO' else data, addr)


async def main(addresses):
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    for address in addresses:
        await asyncio.start_server(serve_tcp, address, PORT, backlog=1024)
        await loop.create_datagram_endpoint(UdpServer, (address, PORT))
    print('ready', flush=True)
    await asyncio.Event().wait()


if __name__ == '__main__':
    asyncio.run(main(sys.argv[1:]))
