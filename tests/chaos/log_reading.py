"""Which requests stand in the log twice, read with kcat and without openrun's own code."""

import collections
import subprocess

import records
from system import Failed

READ_S = 120


def values(system, partition):
    """The value of every record of a partition of the requests topic."""
    done = subprocess.run(
        ["kcat", "-C", "-q", "-b", system.environment["OPENRUN_KAFKA"], "-t", "openrun.requests", "-p", str(partition), "-o", "beginning",
         "-e", "-f", "%S %s"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=READ_S, check=False)
    if done.returncode != 0:
        raise Failed(f"kcat cannot read partition {partition} of the requests topic: {done.stderr.decode()[-500:]}")
    data, at = done.stdout, 0
    while at < len(data):
        space = data.index(b" ", at)
        end = space + 1 + int(data[at:space])
        yield data[space + 1:end]
        at = end


def asked_by(value):
    """(campaign, user) of a request: a nonce (field 1, fixed32), then a message (field 2) with both; None for any other record."""
    try:
        if value[0] != 0x0D or value[5] != 0x12:
            return None
        _, at = records.varint(value, 6)
        if value[at] != 0x08:
            return None
        campaign, at = records.varint(value, at + 1)
        if value[at] != 0x12:
            return None
        size, at = records.varint(value, at + 1)
        return campaign, value[at:at + size].decode()
    except (IndexError, UnicodeDecodeError):
        return None


def standing_twice(all_values):
    """Who asked with a record that is there twice, byte for byte: its nonce is random, so nobody asked twice."""
    counts = collections.Counter(all_values)
    return {asked_by(value) for value, count in counts.items() if count > 1} - {None}
