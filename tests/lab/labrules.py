# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Rule servers and the DNS of the line, beyond the WAN of a lab: real HTTPS, real DNS."""

import json
import os
import sys

from labnet import run

HERE = os.path.dirname(os.path.abspath(__file__))
DNS = '2001:db8:53::53'
WEB = '2001:db8:443::1'
PROV = 'prov.example.net'
OTHER = 'other.example.net'        # resolves, but is not in the certificate
OCN = 'rule.map.ocn.ad.jp'
JPNE = 'api.enabler.ne.jp'
LWAFTR = 'lwaftr.example.net'
LWAFTR_ADDRESS = '2001:db8:3::1'
TXT = f'v=v6mig-1 url=https://{PROV}/config t=b'


class RuleServers:
    """In the namespace `br` of a lab. say() and dns() decide what they answer."""

    def __init__(self, lab):
        self.lab = lab
        self.ca = f'{lab.tmp}/ca.pem'
        self._answers = f'{lab.tmp}/answers.json'
        self._log = f'{lab.tmp}/requests'
        self._dnsmasq = None
        lab.br.ip(f'''address add {DNS}/128 dev lo nodad
            address add {WEB}/128 dev lo nodad''')
        self._make_certificate()
        self.say()
        self.requests()
        lab.br.start([sys.executable, f'{HERE}/labruleserver.py', f'{lab.tmp}/server.pem',
                      f'{lab.tmp}/server.key', self._answers, self._log], ready='ready')
        self.dns()

    def _make_certificate(self):
        """An authority, and a server certificate that it has signed."""
        tmp = self.lab.tmp
        new = 'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'
        run(f'{new} -subj /CN=lab-ca -keyout {tmp}/ca.key -out {self.ca}')
        run(f'{new} -subj /CN={PROV} -keyout {tmp}/server.key -out {tmp}/server.pem '
            f'-CA {self.ca} -CAkey {tmp}/ca.key -addext basicConstraints=CA:FALSE '
            f'-addext subjectAltName=DNS:{PROV},DNS:{OCN},DNS:{JPNE}')
        run(f'{new} -subj /CN=nobody -keyout {tmp}/nobody.key -out {tmp}/nobody.pem')
        self.foreign_ca = f'{tmp}/nobody.pem'

    def say(self, **hosts):
        """What the hosts answer from now on, with underscores for dots: a document, or a dict of
        status, body and location. All others: 404."""
        answers = {}
        for host, answer in hosts.items():
            if not isinstance(answer, dict) or 'status' not in answer:
                answer = {'status': 200, 'body': answer if isinstance(answer, str)
                          else json.dumps(answer)}
            answers[host.replace('_', '.')] = answer
        with open(self._answers + '.new', 'w', encoding='utf-8') as f:
            json.dump(answers, f)
        os.replace(self._answers + '.new', self._answers)

    def requests(self):
        """All requests since the last call."""
        try:
            with open(self._log, encoding='ascii') as f:
                asked = [json.loads(line) for line in f]
        except FileNotFoundError:
            return []
        os.remove(self._log)
        return asked

    def dns(self, txt=TXT, gateway=False, alive=True):
        """(Re)start the DNS server. txt None: there is none."""
        if self._dnsmasq:
            self._dnsmasq.stop()
        names = [PROV, OTHER, OCN, JPNE] + ['ntt.setup'] * gateway
        if not alive:
            return
        self._dnsmasq = self.lab.br.start(
            ['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--user=root', '--no-resolv',
             '--no-hosts', '--pid-file', '--bind-interfaces', f'--listen-address={DNS}',
             '--local=/#/', f'--host-record={LWAFTR},{LWAFTR_ADDRESS}',
             *[f'--host-record={name},{WEB}' for name in names],
             # commas separate the strings of a record; a long one comes in several
             *([f'--txt-record=4over6.info,{txt[:20]},{txt[20:]}'] if txt else [])],
            ready='started')
