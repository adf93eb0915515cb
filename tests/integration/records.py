"""What stands in the results topic and the outbox, read without openrun's own code."""

import subprocess


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def range_of(payload):
    """(first_offset, last_offset) of a serialised ResultBatch: fields 2 and 3, both varints; an absent one is 0."""
    first = last = 0
    at = 0
    while at < len(payload):
        tag, at = varint(payload, at)
        field, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = varint(payload, at)
            first = value if field == 2 else first
            last = value if field == 3 else last
        elif kind == 1:
            at += 8
        elif kind == 5:
            at += 4
        elif kind == 2:
            size, at = varint(payload, at)
            at += size
        else:
            raise ValueError(f"wire type {kind}")
    return first, last


def topic_ranges(system, partition):
    done = subprocess.run(
        ["kcat", "-C", "-q", "-b", system.environment["OPENRUN_KAFKA"], "-t", "openrun.results", "-p", str(partition), "-o", "beginning",
         "-e", "-f", "%S %s"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30, check=True)
    data = done.stdout
    ranges = set()
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        size = int(data[at:space])
        ranges.add(range_of(data[space + 1:space + 1 + size]))
        at = space + 1 + size
    return ranges


def missing_ranges(system, partition):
    """Outbox rows that do not stand in the results topic."""
    rows = {(int(a), int(b)) for a, b in system.sql(f"SELECT first_offset, last_offset FROM outbox WHERE partition = {partition}")}
    return sorted(rows - topic_ranges(system, partition))


def published_through(system, partition):
    rows = system.sql(f"SELECT published_through FROM relay_progress WHERE partition = {partition}")
    return int(rows[0][0]) if rows else 0
