# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Plays every rule server: HTTPS on port 443, HTTP on 80 and 8888.

    labruleserver.py CERTIFICATE KEY ANSWERS LOG

ANSWERS is a JSON object, read again for each request: {host: {"status", "body", "location"}}. LOG
gets one JSON object a line for each request: {"host", "path", "query", "from", "tls"}.
"""

import http.server
import json
import socket
import ssl
import sys
import threading
import urllib.parse


class Server(http.server.ThreadingHTTPServer):
    """On IPv6 only, as the lines that ask."""
    address_family = socket.AF_INET6
    daemon_threads = True


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers from the file."""
    answers = log = None
    tls = False

    def do_GET(self):  # pylint: disable=invalid-name
        """One question."""
        host = self.headers.get('Host', '').partition(':')[0]
        url = urllib.parse.urlsplit(self.path)
        with open(self.log, 'a', encoding='ascii') as f:
            print(json.dumps({
                'host': host, 'path': url.path, 'from': self.client_address[0], 'tls': self.tls,
                'query': dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))}), file=f)
        with open(self.answers, encoding='utf-8') as f:
            answer = json.load(f).get(host, {'status': 404})
        body = answer.get('body', '').encode()
        self.send_response(answer.get('status', 200))
        self.send_header('Content-Type', 'application/json; charset=utf-8')
        self.send_header('Content-Length', str(len(body)))
        if 'location' in answer:
            self.send_header('Location', answer['location'])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        """Nothing on stderr."""


class TlsHandler(Handler):
    """The same behind TLS."""
    tls = True


def main(certificate, key, answers, log):
    """Serve until killed."""
    Handler.answers, Handler.log = answers, log
    for port in (80, 8888):
        server = Server(('::', port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Server(('::', 443), TlsHandler)
    # In the thread of each connection: one that breaks the handshake off must not stop the rest.
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
    print('ready', flush=True)
    server.serve_forever()


if __name__ == '__main__':
    main(*sys.argv[1:])
