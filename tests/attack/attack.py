# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the attacks share: how long they may take."""

_full = False


def set_full(whole):
    global _full
    _full = whole


def full():
    """True for `make attack`; false in CI, where an attack takes seconds."""
    return _full


def count(short, whole):
    """How often: `short` times in CI, `whole` times under `make attack`."""
    return whole if _full else short
