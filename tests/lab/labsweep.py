# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Who owns which lab, and how one is removed: by its owner, or after its owner has died."""

import json
import os
import shutil

from labnet import NETNS_DIR, delete_namespace
from labpeers import BPFFS

STATE_DIR = '/run/mape-lab'


def _state_path(prefix):
    return f'{STATE_DIR}/{prefix}.json'


def _start_time(pid):
    """When a process started, to tell it from another one with the same pid; None when gone."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as f:
            return f.read().rpartition(')')[2].split()[19]
    except FileNotFoundError:
        return None


def remember(prefix, tmp, keep):
    """Note that this process owns the lab with this prefix and temporary directory."""
    os.makedirs(STATE_DIR, exist_ok=True)
    with open(_state_path(prefix), 'w', encoding='ascii') as f:
        json.dump({'pid': os.getpid(), 'start': _start_time(os.getpid()), 'tmp': tmp,
                   'keep': keep}, f)


def destroy(prefix):
    """Remove the namespaces, processes, pins and files of the lab with this prefix."""
    for name in os.listdir(NETNS_DIR) if os.path.isdir(NETNS_DIR) else []:
        if name.startswith(prefix):
            _forget_instances(os.stat(f'{NETNS_DIR}/{name}').st_ino)
            delete_namespace(name)
    for name in os.listdir(BPFFS) if os.path.ismount(BPFFS) else []:
        if name.startswith(prefix):
            shutil.rmtree(f'{BPFFS}/{name}', ignore_errors=True)
    try:
        with open(_state_path(prefix), encoding='ascii') as f:
            shutil.rmtree(json.load(f)['tmp'], ignore_errors=True)
        os.unlink(_state_path(prefix))
        os.rmdir(STATE_DIR)
    except OSError:
        pass  # no such lab, or the directory holds the records of others


def _forget_instances(inode):
    """Remove the pins and journals that mape-xdp left for a namespace that is about to go."""
    for root in (f'{BPFFS}/mape-xdp', '/run/mape-xdp'):
        for name in os.listdir(root) if os.path.isdir(root) else []:
            path = f'{root}/{name}'
            if name.startswith(f'{inode}-'):
                remove = shutil.rmtree if os.path.isdir(path) else os.unlink
                remove(path)


def sweep_stale():
    """Remove labs whose owner has died, except those that were to be kept."""
    for file in os.listdir(STATE_DIR) if os.path.isdir(STATE_DIR) else []:
        with open(f'{STATE_DIR}/{file}', encoding='ascii') as f:
            state = json.load(f)
        if not state['keep'] and _start_time(state['pid']) != state['start']:
            destroy(file.removesuffix('.json'))
