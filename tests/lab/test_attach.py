# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""attach and detach: what they find, refuse, and say."""

from lab import SERVERS
from labinside import FAST_PATH, outcomes, refused, use
from labnet import wait_until
from labsnapshot import Unchanged
from labtraffic import udp_echo

SERVER = SERVERS[0]
NOT_ATTACHED = 3


def test_twice_is_no_change(quick):
    words = 'attach', 'eth2', 'br-lan'
    assert quick.mape_json(*words)['changed']
    with Unchanged(quick):
        assert not quick.mape_json(*words)['changed']
    assert udp_echo(quick.h1, SERVER, 5) == 5


def test_different_attach(quick):
    with Unchanged(quick):
        quick.mape('attach', 'eth2', 'br-lan')
        with Unchanged(quick):
            said = refused(quick, 'attach', 'eth2', 'br-lan', '--metric', 100, '--mtu', 1400)
            assert 'metric was 512, now 100' in said['error']
            assert 'mtu was 1460, now 1400' in said['error'] and '--replace' in said['hint']
        quick.mape('attach', 'eth2', 'br-lan', '--metric', 100, '--mtu', 1400, '--replace')
        status = quick.mape_json('status')
        assert (status['mtu'], status['route']) == (1400, 'default via 192.0.0.1 dev mape0 metric 100')
        use(quick)
        quick.mape('detach')


def test_not_attached(quick):
    for words in (('detach',), ('detach', 'eth2'), ('flush',), ('stats',), ('flows',)):
        assert 'not attached' in refused(quick, *words, code=NOT_ATTACHED)['error']
    assert refused(quick, 'status', code=NOT_ATTACHED) == {'attached': False}


# -- LANs ------------------------------------------------------------------------------------------

def test_several_lans(quick):
    quick.mape('attach', 'eth2', 'br-lan', 'br-guest')
    assert [lan['dev'] for lan in quick.mape_json('status')['lan']] == ['br-lan', 'br-guest']
    use(quick, ('h1', 'h3'))
    before = outcomes(quick)
    assert udp_echo(quick.h3, SERVER, 20) == 20
    assert outcomes(quick)['fast_out'] >= before['fast_out'] + 15


def test_no_lan(quick):
    quick.mape('attach', 'eth2')
    use(quick)
    assert quick.mape_json('status')['fast_path'] is False
    counted = outcomes(quick)
    assert counted['kernel_out'] > 0 and all(counted[way] == 0 for way in FAST_PATH)


# -- The line's prefix -----------------------------------------------------------------------------

def test_prefix_from_the_address(quick):
    quick.mape('attach', 'eth2', 'br-lan')
    assert quick.mape_json('status')['rule']['ce_ipv6'] == quick.line.ce


def test_delegated_prefix(quick):
    quick.ce.ip(f'''address del {quick.line.wan_address} dev eth2
        address add 2001:db8::2/64 dev eth2 nodad
        route add unreachable {quick.line.prefix}''')
    quick.br.ip('route add 2001:db8::/64 dev wan')
    quick.mape('attach', 'eth2', 'br-lan')
    assert quick.mape_json('status')['rule']['end_user_prefix'] == quick.line.prefix
    use(quick)


def test_several_prefixes(quick):
    quick.ce.ip('address add 2400:4050:400:5700::2/64 dev eth2 nodad')
    with Unchanged(quick):
        error = refused(quick, 'attach', 'eth2', 'br-lan')
        assert '2400:4050:400:5600::/64' in error['error']
        assert '2400:4050:400:5700::/64' in error['error'] and '--prefix' in error['hint']
    quick.mape('attach', 'eth2', 'br-lan', '--prefix', quick.line.prefix)
    use(quick)


def test_old_and_temporary_addresses_do_not_count(quick):
    quick.ce.ip('address add 2400:4050:400:5700::2/64 dev eth2 nodad preferred_lft 0')
    quick.mape('attach', 'eth2', 'br-lan')
    use(quick)


def test_unknown_prefix(quick):
    quick.ce.ip(f'''address del {quick.line.wan_address} dev eth2
        address add 2001:db8::2/64 dev eth2 nodad''')
    with Unchanged(quick):
        assert refused(quick, 'attach', 'eth2', 'br-lan')['hint']


def test_home_gateway_has_the_address(lab):
    """The provider's gateway runs MAP-E itself: duplicate address detection tells."""
    lab.br.ip(f'address add {lab.line.ce}/128 dev wan nodad')
    with Unchanged(lab):
        error = refused(lab, 'attach', 'eth2', 'br-lan')
        assert lab.line.ce in error['error'] and 'gateway' in error['hint']


# -- What is said ----------------------------------------------------------------------------------

def test_forwarding_off(quick):
    quick.ce.sysctl('net.ipv4.ip_forward', 0)
    said = quick.mape('attach', 'eth2', 'br-lan')
    assert 'sysctl -w net.ipv4.ip_forward=1' in said.stderr
    assert quick.ce.sysctl('net.ipv4.ip_forward') == '0'


def test_better_default_route(quick):
    quick.ce.ip('route add default via 192.168.1.10 dev br-lan metric 100')
    said = quick.mape('attach', 'eth2', 'br-lan')
    assert 'default route with metric 100' in said.stderr
    assert {(r['dev'], r['metric']) for r in quick.ce.ip_json('route show default')} == \
        {('br-lan', 100), ('mape0', 512)}


def test_table_and_no_route(quick):
    quick.mape('attach', 'eth2', 'br-lan', '--table', 77)
    assert quick.ce.ip_json('route show default') == []
    assert quick.ce.ip_json('route show default table 77')[0]['dev'] == 'mape0'
    quick.mape('attach', 'eth2', 'br-lan', '--no-route', '--replace')
    assert 'mape0' not in {r['dev'] for r in quick.ce.ip_json('route show table all')
                           if r['dst'] == 'default'}


def test_names(quick):
    quick.ce.nft('insert rule inet fw forward oifname "ocn" accept')
    with Unchanged(quick):
        quick.mape('attach', 'eth2', 'br-lan', '--name', 'ocn')
        assert quick.mape_json('status', 'eth2')['name'] == 'ocn'
        assert quick.mape_json('status', '--name', 'ocn')['name'] == 'ocn'
        use(quick)
        error = refused(quick, 'attach', 'eth2', 'br-lan')
        assert 'eth2' in error['error'] and 'ocn' in error['error']
        quick.mape('detach', '--name', 'ocn')


def test_wrong_devices(quick):
    with Unchanged(quick):
        for words in (['nosuch', 'br-lan'], ['eth2', 'nosuch'], ['eth2', 'eth2'], ['lo', 'br-lan'],
                      ['eth2', 'br-lan', 'br-lan'], ['eth2', 'br-lan', '--mtu', 1480]):
            assert refused(quick, 'attach', *words)['error']


def test_name_of_another_interface(quick):
    """An interface that bears our name already is not ours to take."""
    quick.ce.ip('link add mape0 type veth peer name other')
    with Unchanged(quick):
        assert 'mape0' in refused(quick, 'attach', 'eth2', 'br-lan')['error']


def test_wan_was_down(quick):
    """The kernel takes a device's IPv6 addresses when it goes down; that is said."""
    quick.mape('attach', 'eth2', 'br-lan')
    quick.ce.ip(f'''link set eth2 down
        link set eth2 up
        address add {quick.line.wan_address} dev eth2 nodad''')
    wait_until(quick.wan_ready, 'eth2 of the CE')
    quick.ce.ip('route replace ::/0 via fe80::1 dev eth2')
    assert any(quick.line.ce in w for w in quick.mape_json('status')['warnings'])
    quick.mape('detach')
    quick.mape('attach', 'eth2', 'br-lan')
    use(quick)
