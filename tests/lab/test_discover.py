# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""discover: every source with real DNS and HTTPS beyond the WAN, and what is kept of it."""

import json
import os
import shlex

import pytest

from lab import Lab
from labinside import use
from labrules import DNS, JPNE, LWAFTR, LWAFTR_ADDRESS, OCN, OTHER, PROV, RuleServers

TOKEN = '0123456789abcdef' * 4
CODE = 'Secret-code.1'


@pytest.fixture(scope='module', name='world')
def world_fixture():
    """A lab with rule servers."""
    if os.geteuid():
        pytest.skip('needs root: sudo make check-lab, or sudo python3 -m pytest FILE')
    with Lab() as lab:
        lab.ce.sysctl('net.ipv6.conf.eth2.accept_dad', 0)
        lab.rules = RuleServers(lab)
        yield lab


@pytest.fixture(name='ask')
def ask_fixture(world, tmp_path):
    """A function that discovers from sources with a state of its own."""
    if 'txt' in world.__dict__:
        world.rules.dns()
        del world.txt
    world.rules.say()
    world.rules.requests()
    code = tmp_path / 'credentials'
    code.write_text(f'ocn {CODE}\njpne {CODE}\n')
    code.chmod(0o600)

    def ask(*sources, more=(), ok=True, words=('discover', 'eth2'), ca=world.rules.ca):
        said = world.mape(*words, '--json', '--resolver', DNS, '--ca-file', ca, '--state-dir',
                          tmp_path / 'state', '--credentials', code,
                          *[w for s in sources for w in ('--from', s)], *more, check=False)
        assert CODE not in said.stdout + said.stderr
        answer = json.loads(said.stdout)
        assert (said.returncode == 0) == ok, answer
        return answer
    ask.credentials = code
    return ask


def dns(world, **how):
    """Another DNS for this test."""
    world.txt = True
    world.rules.dns(**how)


def rule(line, **changed):
    """The line's rule as HB46PP has it."""
    return {'ipv6': line.rule_v6, 'ipv4': line.rule_v4, 'ea_length': line.ea,
            'psid_offset': line.offset, **changed}


def map_e(line, **more):
    """A document of HB46PP for a line."""
    return {'ttl': 3600, 'token': TOKEN, 'order': ['map_e'],
            'map_e': {'br': line.br, 'rules': [rule(line)]}, **more}


def ocn_rules(line, value=str, **more):
    """A document of OCN's server, with values as strings or numbers."""
    (v6, v6_len), (v4, v4_len) = line.rule_v6.split('/'), line.rule_v4.split('/')
    return {'basicMapRules': [{
        'brIpv6Address': line.br, 'ipv6Prefix': v6, 'ipv6PrefixLength': value(v6_len),
        'ipv4Prefix': v4, 'ipv4PrefixLength': value(v4_len), 'eaBitLength': value(line.ea),
        'psIdOffset': value(line.offset), **more}]}


# -- HB46PP ----------------------------------------------------------------------------------------

def test_hb46pp(world, ask):
    world.rules.say(prov_example_net=map_e(world.line))
    found = ask('hb46pp')
    assert (found['source'], found['method'], found['server']) == ('hb46pp', 'map_e', PROV)
    assert found['verified'] and not found['cached'] and found['age_s'] == 0
    assert (found['ce_ipv6'], found['ipv4'], found['psid']) == \
        (world.line.ce, world.line.ipv4, world.line.psid)
    assert (found['iid'], found['br']) == ('draft03', [world.line.br])
    asked, = world.rules.requests()
    assert asked['tls'] and asked['path'] == '/config'
    assert asked['from'] == world.line.wan_address.partition('/')[0]
    assert asked['query'].keys() == {'vendorid', 'product', 'version', 'capability'}
    assert 'map_e' in asked['query']['capability'].split(',')


def test_version_of_the_address(world, ask):
    document = map_e(world.line)
    document['map_e']['version'] = 1
    world.rules.say(prov_example_net=document)
    found = ask('hb46pp')
    assert (found['iid'], found['ce_ipv6']) == ('rfc7597', '2400:4050:400:5600:0:99f0:1001:16')


def test_answer_is_kept(world, ask):
    world.rules.say(prov_example_net=map_e(world.line))
    ask('hb46pp')
    world.rules.requests()
    found = ask('hb46pp')
    assert found['cached'] and found['verified'] and world.rules.requests() == []
    found = ask('hb46pp', more=['--refresh'])
    asked, = world.rules.requests()
    assert not found['cached'] and asked['query']['token'] == TOKEN
    ask(words=['discover', 'eth2', '--forget'])
    ask('hb46pp')
    assert 'token' not in world.rules.requests()[0]['query']


def test_answer_is_for_one_prefix(world, ask):
    world.rules.say(prov_example_net=map_e(world.line))
    ask('hb46pp')
    world.rules.say()
    ask('hb46pp', more=['--prefix', '2400:4050:400:5700::/64'], ok=False)


@pytest.mark.parametrize('failure', [
    {'status': 500}, {'status': 404}, {'status': 200, 'body': '{'},
    {'status': 200, 'body': ' ' * 600_000}])
def test_failing_server_keeps_its_word(world, ask, failure):
    world.rules.say(prov_example_net=map_e(world.line))
    ask('hb46pp')
    world.rules.say(prov_example_net=failure)
    found = ask('hb46pp', more=['--refresh'])
    assert found['cached'] and found['ce_ipv6'] == world.line.ce
    assert 'still counts' in found['warnings'][0]


def test_nothing_for_this_line_drops_it(world, ask):
    world.rules.say(prov_example_net=map_e(world.line))
    ask('hb46pp')
    world.rules.say(prov_example_net={'order': []})
    assert 'no way' in ask('hb46pp', more=['--refresh'], ok=False)['error']
    world.rules.say(prov_example_net={'status': 500})
    assert '500' in ask('hb46pp', ok=False)['error']


def test_no_server_drops_it(world, ask):
    world.rules.say(prov_example_net=map_e(world.line))
    ask('hb46pp')
    dns(world, txt=None)
    assert '4over6.info' in ask('hb46pp', more=['--refresh'], ok=False)['error']
    assert '4over6.info' in ask('hb46pp', ok=False)['error']


def test_silent_dns_keeps_it(world, ask):
    world.rules.say(prov_example_net=map_e(world.line))
    ask('hb46pp')
    dns(world, alive=False)
    found = ask('hb46pp', more=['--refresh'])
    assert found['cached'] and 'does not answer' in found['warnings'][0]


def test_certificate_is_checked(world, ask):
    world.rules.say(prov_example_net=map_e(world.line), other_example_net=map_e(world.line))
    said = ask('hb46pp', ca=world.rules.foreign_ca, ok=False)
    assert 'does not prove who it is' in said['error'] and '--ca-file' in said['hint']
    dns(world, txt=f'v=v6mig-1 url=https://{OTHER}/ t=b')
    assert 'does not prove who it is' in ask('hb46pp', ok=False)['error']
    assert world.rules.requests() == []


@pytest.mark.parametrize('scheme', ['https', 'http'])
def test_unverified_server(world, ask, scheme):
    """The protocol allows it; the result says so, and no password goes there."""
    ask.credentials.write_text(f'hb46pp {OTHER} me {CODE}\n')
    world.rules.say(other_example_net=map_e(world.line))
    dns(world, txt=f'v=v6mig-1 url={scheme}://{OTHER}/x?y=1 t=a')
    found = ask('hb46pp')
    assert found['verified'] is False and found['ce_ipv6'] == world.line.ce
    asked, = world.rules.requests()
    assert asked['query']['y'] == '1' and 'pass' not in asked['query']
    assert asked['tls'] == (scheme == 'https')


def test_password_only_for_the_named_server(world, ask):
    world.rules.say(prov_example_net=map_e(world.line))
    ask.credentials.write_text(f'hb46pp {PROV} me {CODE}\n')
    ask('hb46pp')
    query = world.rules.requests()[0]['query']
    assert (query['user'], query['pass']) == ('me', CODE)
    ask.credentials.write_text(f'hb46pp {OTHER} me {CODE}\n')
    ask('hb46pp', more=['--refresh'])
    assert 'user' not in world.rules.requests()[0]['query']


def test_redirection(world, ask):
    ask.credentials.write_text(f'hb46pp {PROV} me {CODE}\n')
    world.rules.say(prov_example_net={'status': 307, 'location': f'https://{OCN}/next'},
                    rule_map_ocn_ad_jp=map_e(world.line))
    assert ask('hb46pp')['server'] == OCN
    first, second = world.rules.requests()
    assert second['path'] == '/next' and second['query']['vendorid'] == first['query']['vendorid']
    assert 'pass' in first['query'] and 'pass' not in second['query']
    world.rules.say(prov_example_net={'status': 307, 'location': f'http://{PROV}/plain'})
    ask('hb46pp', more=['--refresh'])
    assert [r['tls'] for r in world.rules.requests()] == [True]
    world.rules.say(prov_example_net={'status': 307, 'location': f'https://{PROV}/again'})
    ask('hb46pp', more=['--refresh'])
    assert len(world.rules.requests()) == 4


def test_lw4o6_by_name(world, ask):
    world.rules.say(prov_example_net={'order': ['lw4o6'], 'lw4o6': {
        'lwaftr': LWAFTR, 'ipv6': world.line.prefix, 'ipv4': '203.0.113.16', 'psid': 3,
        'psid_length': 8, 'psid_offset': 6}})
    found = ask('hb46pp')
    assert (found['method'], found['usable'], found['br']) == ('lw4o6', True, [LWAFTR_ADDRESS])
    assert found['ce_ipv6'] == '2400:4050:400:5600:0:cb00:7110:3'


def test_dslite(world, ask):
    world.rules.say(prov_example_net={'ttl': 86400, 'service_name': 'v6 コネクト',
                                      'dslite': {'aftr': 'dslite.example.net'},
                                      'order': ['dslite']})
    found = ask('hb46pp')
    assert (found['method'], found['usable'], found['aftr']) == \
        ('dslite', False, 'dslite.example.net')
    # the built-in table knows a way
    found = ask('hb46pp', 'builtin')
    assert (found['source'], found['method']) == ('builtin', 'map_e')
    said = ask('hb46pp', words=['attach', 'eth2', 'br-lan'], ok=False)
    assert 'has dslite' in said['error']


# -- OCN and JPNE ----------------------------------------------------------------------------------

@pytest.mark.parametrize('value', [str, int])
def test_ocn(world, ask, value):
    world.rules.say(rule_map_ocn_ad_jp=ocn_rules(world.line, value))
    found = ask('ocn')
    assert (found['source'], found['server'], found['ce_ipv6']) == ('ocn', OCN, world.line.ce)
    asked, = world.rules.requests()
    assert asked['tls'] and asked['path'] == '/'
    assert asked['query'] == {'ipv6Prefix': '2400:4050:400:5600::', 'ipv6PrefixLength': '64',
                              'code': CODE}


def test_ocn_with_a_delegated_prefix(world, ask):
    world.rules.say(rule_map_ocn_ad_jp=ocn_rules(world.line))
    ask('ocn', more=['--prefix', world.line.prefix])
    assert world.rules.requests()[0]['query']['ipv6PrefixLength'] == '56'


def test_ocn_refusal_drops_it(world, ask):
    world.rules.say(rule_map_ocn_ad_jp=ocn_rules(world.line))
    ask('ocn')
    world.rules.say(rule_map_ocn_ad_jp={'status': 503})
    assert ask('ocn', more=['--refresh'])['cached']
    world.rules.say(rule_map_ocn_ad_jp={'status': 403})
    assert '403' in ask('ocn', more=['--refresh'], ok=False)['error']
    world.rules.say(rule_map_ocn_ad_jp={'status': 503})
    ask('ocn', ok=False)


def test_credentials_are_needed_and_secret(world, ask):
    ask.credentials.chmod(0o640)
    said = ask('ocn', ok=False)
    assert 'by others' in said['error'] and 'chmod 600' in said['hint']
    ask.credentials.chmod(0o600)
    ask.credentials.write_text('# none\n')
    for source in ('ocn', 'jpne'):
        assert '--credentials' in ask(source, ok=False)['hint']
    assert world.rules.requests() == []


def test_jpne(world, ask):
    line = world.line
    answer = {'id': 'x', 'dmr': line.br, 'ipv6_fixlen': 56, 'fmr': [rule(line)]}
    world.rules.say(api_enabler_ne_jp=f'v6plus({json.dumps(answer)});')
    found = ask('jpne')
    assert (found['server'], found['ce_ipv6'], found['br']) == (JPNE, line.ce, [line.br])
    asked, = world.rules.requests()
    assert asked['path'] == f'/{CODE}/get_rules' and asked['query'] == {'callback': 'v6plus'}


def test_jpne_accepts_what_biglobe_sends_from(world, ask):
    answer = {'id': 'x', 'dmr': '2404:9200:225:100::64', 'ipv6_fixlen': 56, 'fmr': [
        {'ipv6': '2404:7a80::/31', 'ipv4': '133.200.0.0/15', 'psid_offset': 4, 'ea_length': 25}]}
    world.rules.say(api_enabler_ne_jp=f'?({json.dumps(answer)})')
    found = ask('jpne', more=['--prefix', '2404:7a80:1234:5600::/56'])
    assert found['br'] == ['2404:9200:225:100::64', '2001:260:700:1::1:275']


@pytest.mark.parametrize('status', ['ON', 'OFF'])
def test_jpne_home_gateway(world, ask, status):
    answer = {'id': 'x', 'dmr': world.line.br, 'ipv6_fixlen': 56, 'fmr': [rule(world.line)]}
    world.rules.say(api_enabler_ne_jp=f'v6plus({json.dumps(answer)});',
                    ntt_setup=f'hgw({{"name":"gw","version":"1","status":"{status}"}})')
    dns(world, gateway=True)
    found = ask('jpne')
    assert ('warnings' in found) == (status == 'ON')


# -- DHCPv6, by hand, several ----------------------------------------------------------------------

OPTION = ('005e002d00590015011610' '99f0000022' '2400405000' '005d000406000000'
          '005a0010' '20010380a12000000000000000000009')
WORDS = ('fmr,type=map-e,ealen=22,prefix4len=16,prefix6len=34,ipv4prefix=153.240.0.0,'
         'ipv6prefix=2400:4050::,offset=6,psidlen=0,psid=0,br=2001:380:a120::9, ')


def test_dhcpv6(world, ask):
    for text in (OPTION, WORDS):
        found = ask('dhcpv6', more=['--s46', text])
        assert (found['source'], found['ipv4'], found['psid'], found['iid']) == \
            ('dhcpv6', world.line.ipv4, world.line.psid, 'rfc7597')
    # a later call, not from the hook
    found = ask('dhcpv6', more=['--iid', 'draft03'])
    assert found['cached'] and found['ce_ipv6'] == world.line.ce


@pytest.mark.parametrize('data', [bytes.fromhex(OPTION), OPTION.encode(), WORDS.encode()],
                         ids=['bytes', 'hex', 'words'])
def test_dhcpv6_from_stdin(world, tmp_path, data):
    (tmp_path / 'options').write_bytes(data)
    words = shlex.join([world.binary, 'discover', 'eth2', '--from', 'dhcpv6', '--s46', '-',
                        '--state-dir', f'{tmp_path}/state', '--json'])
    found = json.loads(world.ce.run(['sh', '-c', f'{words} < {tmp_path}/options']).stdout)
    assert found['ipv4'] == world.line.ipv4


def test_dhcpv6_from_the_script_of_odhcp6c(world, tmp_path):
    said = world.ce.run(['env', f'MAPE={WORDS}', world.binary, 'discover', 'eth2', '--from',
                         'dhcpv6', '--state-dir', tmp_path, '--json'])
    assert json.loads(said.stdout)['ipv4'] == world.line.ipv4


def test_order(world, ask):
    found = ask()
    assert found['source'] == 'builtin'
    assert [(t['source'], t['ok']) for t in found['tried']] == [
        ('by-hand', False), ('dhcpv6', False), ('ocn', False), ('jpne', False),
        ('hb46pp', False), ('builtin', True)]
    world.rules.say(prov_example_net=map_e(world.line))
    assert ask()['source'] == 'hb46pp'
    assert ask('builtin', 'hb46pp')['source'] == 'builtin'
    assert ask('ocn', 'hb46pp')['source'] == 'hb46pp'
    assert ask('by-hand', more=['--rule', world.line.rule_option])['source'] == 'by-hand'
    said = ask('builtin', more=['--rule', world.line.rule_option], ok=False)
    assert '--from by-hand' in said['hint']
    said = ask('ocn', 'jpne', ok=False)['error']
    assert OCN in said and JPNE in said


def test_system_resolver(world, ask, tmp_path):
    """Without --resolver it is the one of /etc/resolv.conf."""
    world.rules.say(prov_example_net=map_e(world.line))
    ask.credentials.unlink()
    (tmp_path / 'resolv.conf').write_text(f'nameserver {DNS}\n')
    words = shlex.join([world.binary, 'discover', 'eth2', '--from', 'hb46pp', '--ca-file',
                        world.rules.ca, '--state-dir', f'{tmp_path}/state', '--json'])
    found = json.loads(world.ce.run(['unshare', '--mount', 'sh', '-c',
                                     f'mount --bind {tmp_path}/resolv.conf /etc/resolv.conf && '
                                     f'exec {words}']).stdout)
    assert found['ce_ipv6'] == world.line.ce


# -- attach ----------------------------------------------------------------------------------------

def test_attach(world, ask):
    """From what the server says; and after a restart, while the server is silent."""
    attach = ('attach', 'eth2', 'br-lan')
    world.serve()
    world.rules.say(prov_example_net=map_e(world.line))
    assert ask('hb46pp', words=attach)['changed']
    use(world)
    assert not ask('hb46pp', words=attach)['changed']
    world.mape('detach')
    world.rules.say(prov_example_net={'status': 500})
    said = ask('hb46pp', words=attach, more=['--refresh'])
    assert said['changed'] and 'still counts' in said['warnings'][0]
    assert world.mape_json('status')['rule']['ce_ipv6'] == world.line.ce
    use(world)
    world.mape('detach')
    assert world.peer.refused() == {}
