# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Network namespaces and the processes inside them.

Only the network is unshared: `ip netns exec` would mount a fresh /sys, and BPF pins would be
invisible inside. Python sockets are made in a namespace by a thread that enters it.
"""

import ctypes
import json
import os
import shlex
import signal
import socket
import subprocess
import threading
import time

NETNS_DIR = '/run/netns'
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """Something in the lab did not work as it must."""


def wait_until(check, what, timeout=10.0, interval=0.02):
    """Poll check() until it is true and return its value; LabError naming `what` after timeout."""
    end = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() >= end:
            raise LabError(f'waited {timeout:g} s in vain for {what}')
        time.sleep(interval)


def run(argv, check=True, timeout=60, **kw):
    """Run a command, a list or one string, and return it with stdout and stderr as text."""
    argv = shlex.split(argv) if isinstance(argv, str) else [str(a) for a in argv]
    done = subprocess.run(argv, text=True, capture_output=True, timeout=timeout, check=False, **kw)
    if check and done.returncode:
        raise LabError(f"'{shlex.join(argv)}' ended with {done.returncode}: "
                       f'{(done.stderr or done.stdout).strip()}')
    return done


class Process:
    """A process in the background; its output goes into a log file."""

    def __init__(self, argv, log):
        self.log = log
        with open(log, 'wb') as out:
            self.popen = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL,
                                          stdout=out, stderr=subprocess.STDOUT,
                                          start_new_session=True)
        self.pid = self.popen.pid

    def output(self):
        """All it has written so far."""
        with open(self.log, encoding='utf-8', errors='replace') as f:
            return f.read()

    def alive(self):
        """True while it runs."""
        return self.popen.poll() is None

    def wait_for(self, text, timeout=10):
        """Wait until `text` is in its output."""
        def seen():
            if text in self.output():
                return True
            if not self.alive():
                raise LabError(f'{self.popen.args} ended with {self.popen.returncode}: '
                               f'{self.output().strip()}')
            return False
        wait_until(seen, f'{text!r} from {self.popen.args}', timeout)
        return self

    def wait(self, timeout=60):
        """Wait for its end and return the exit status."""
        return self.popen.wait(timeout)

    def stop(self, sig=signal.SIGTERM, timeout=5):
        """End it; with SIGKILL when it does not obey."""
        if self.alive():
            self.popen.send_signal(sig)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        return self.popen.returncode


class Namespace:
    """One network namespace, made at once."""

    def __init__(self, name, log_dir):
        self.name = name
        self.path = f'{NETNS_DIR}/{name}'
        self.log_dir = log_dir
        self.processes = []
        run(['ip', 'netns', 'add', name])
        self.ip('link set lo up')

    @property
    def inode(self):
        """Inode number of the namespace, which names its directory of pins."""
        return os.stat(self.path).st_ino

    @property
    def enter(self):
        """The words that start a command in this namespace."""
        return ['nsenter', f'--net={self.path}']

    def run(self, argv, **kw):
        """Like run(), inside."""
        argv = shlex.split(argv) if isinstance(argv, str) else list(argv)
        return run(self.enter + argv, **kw)

    def start(self, argv, ready=None, timeout=10):
        """Start a Process inside; wait for `ready` in its output if given."""
        argv = shlex.split(argv) if isinstance(argv, str) else list(argv)
        log = f'{self.log_dir}/{self.name}-{len(self.processes)}.log'
        process = Process(self.enter + argv, log)
        self.processes.append(process)
        return process.wait_for(ready, timeout) if ready else process

    def ip(self, commands):
        """Run `ip` commands, one a line, in one go."""
        self.run(['ip', '-batch', '-'], input=commands + '\n')

    def ip_json(self, words):
        """What `ip -j WORDS` prints, decoded."""
        return json.loads(self.run('ip -j ' + words).stdout or '[]')

    def ifindex(self, dev):
        """Interface index of a device."""
        return self.ip_json(f'link show dev {dev}')[0]['ifindex']

    def mac(self, dev):
        """MAC address of a device, as text."""
        return self.ip_json(f'link show dev {dev}')[0]['address']

    def link_stats(self, dev):
        """Counters of a device: {'rx': {'packets', 'bytes', ..}, 'tx': {..}}."""
        return self.ip_json(f'-s link show dev {dev}')[0]['stats64']

    def ethtool(self, dev, words):
        """Change features: ethtool -K DEV WORDS."""
        self.run(f'ethtool -K {dev} {words}')

    def nft(self, rules):
        """Load nft commands from text."""
        self.run(['nft', '-f', '-'], input=rules)

    def call(self, function, *args):
        """Call function(*args) in a thread that is inside, and return its result."""
        result = {}

        def inside():
            fd = os.open(self.path, os.O_RDONLY)
            try:
                if _libc.setns(fd, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f'cannot enter {self.path}')
                result['value'] = function(*args)
            except BaseException as e:  # pylint: disable=broad-except
                result['error'] = e
            finally:
                os.close(fd)
        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        if 'error' in result:
            raise result['error']
        return result['value']

    def socket(self, *args):
        """A socket of this namespace; arguments as for socket.socket()."""
        return self.call(socket.socket, *args)

    def sysctl(self, key, value=None):
        """Read a sysctl, or set it. A dot inside an interface name is written as '/'."""
        path = '/proc/sys/' + key.replace('.', '\0').replace('/', '.').replace('\0', '/')

        def access():
            with open(path, 'r' if value is None else 'w', encoding='ascii') as f:
                return f.read().strip() if value is None else f.write(str(value))
        return self.call(access)

    def close(self):
        """End what runs inside and delete the namespace."""
        for process in self.processes:
            process.stop()
        delete_namespace(self.name)


def delete_namespace(name):
    """Delete a namespace of ours; what still runs in it ends with it."""
    for pid in run(['ip', 'netns', 'pids', name], check=False).stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    run(['ip', 'netns', 'del', name], check=False)
