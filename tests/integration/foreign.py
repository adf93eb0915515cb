"""Records of the log as somebody else would write them, past the gateways and without openrun's own code."""


def varint(value):
    out = b""
    while True:
        byte = value & 0x7F
        value >>= 7
        out += bytes([byte | (0x80 if value else 0)])
        if not value:
            return out


def field(number, kind, payload):
    return varint(number << 3 | kind) + payload


def message(number, payload):
    return field(number, 2, varint(len(payload)) + payload)


def request_record(campaign, user):
    return field(1, 5, b"\x07\x00\x00\x00") + message(2, field(1, 0, varint(campaign)) + message(2, user.encode()))


def replay_record(origin, first_arrival, original):
    body = field(1, 0, varint(origin)) + field(2, 0, varint(first_arrival)) + message(3, original) + field(4, 0, varint(1))
    return field(1, 5, b"\x08\x00\x00\x00") + message(4, body)
