"""Frames as bytes, written by hand so that they can also be wrong, and an MQTT 3.1.1 client that says what it is told to."""

import socket
import struct
import time

from support import PATIENCE

SCHED = 1
BUSY, IDLE, SWITCHES, VICTIM = 1, 2, 4, 11
WINDOW_NS = 10_000_000


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def fixed64(field, value):
    return varint(field << 3 | 1) + struct.pack("<Q", value)


def data(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def packed(field, values):
    return data(field, b"".join(varint(value) for value in values))


def column(field, values):
    return data(4, number(1, field) + packed(2, values))


def task(pid, comm):
    return data(8, number(1, pid) + number(2, pid) + data(3, comm) + number(4, 1))


def series(measurement, tags, *columns):
    return data(9, number(1, measurement) + b"".join(data(2, tag) for tag in tags) + b"".join(columns))


def frame(host, sequence, first_window, windows=1, stream=1, version=1, body=None):
    """A frame of one CPU that was busy half of every window; `body` replaces tasks and series."""
    half = WINDOW_NS // 2
    if body is None:
        body = series(SCHED, ["0"], column(BUSY, [half] * windows), column(IDLE, [half] * windows))
    return (number(1, version) + data(2, host) + fixed64(3, stream) + number(4, sequence) + number(5, WINDOW_NS)
            + number(6, first_window) + number(7, windows) + body)


def current_window():
    return time.time_ns() // WINDOW_NS


class Publisher:
    """One connection; publish() returns when the broker has acknowledged."""

    def __init__(self, port, client_id="e2e"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.identifier = 0
        name = client_id.encode()
        self._send(0x10, b"\x00\x04MQTT\x04\x02\x00\x3c" + struct.pack(">H", len(name)) + name)
        kind, body = self._receive()
        if kind != 0x20 or body[1] != 0:
            raise ConnectionError(f"CONNACK {kind:#x} {body!r}")

    def publish(self, topic, payload, retain=False):
        self.identifier = self.identifier % 0xFFFF + 1
        name = topic.encode()
        head = struct.pack(">H", len(name)) + name + struct.pack(">H", self.identifier)
        self._send(0x32 | (1 if retain else 0), head + payload)
        kind, body = self._receive()
        if kind != 0x40 or struct.unpack(">H", body[:2])[0] != self.identifier:
            raise ConnectionError(f"no PUBACK but {kind:#x} {body!r}")

    def subscribe(self, topic):
        name = topic.encode()
        self._send(0x82, b"\x00\x01" + struct.pack(">H", len(name)) + name + b"\x00")
        kind, _ = self._receive()
        if kind != 0x90:
            raise ConnectionError(f"no SUBACK but {kind:#x}")

    def receive(self):
        """The next message: (topic, payload, retained)."""
        while True:
            kind, body = self._receive()
            if kind & 0xF0 == 0x30:
                length = struct.unpack(">H", body[:2])[0]
                return body[2:2 + length].decode(), body[2 + length:], bool(kind & 1)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _send(self, kind, body):
        self.socket.sendall(bytes([kind]) + varint(len(body)) + body)

    def _receive(self):
        kind = self._exactly(1)[0]
        length, shift = 0, 0
        while True:
            byte = self._exactly(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return kind, self._exactly(length)

    def _exactly(self, count):
        out = b""
        while len(out) < count:
            part = self.socket.recv(count - len(out))
            if not part:
                raise ConnectionError("the broker closed the connection")
            out += part
        return out


def parse(message):
    """The fields of a message: {number: [values]}; nested messages and text stay bytes."""
    fields, at = {}, 0

    def read_varint():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = read_varint()
        if key & 7 == 0:
            value = read_varint()
        elif key & 7 == 1:
            value, at = struct.unpack_from("<Q", message, at)[0], at + 8
        else:
            length = read_varint()
            value, at = message[at:at + length], at + length
        fields.setdefault(key >> 3, []).append(value)
    return fields


def numbers(data):
    """The numbers of a packed field."""
    values, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift = 0 if byte < 0x80 else shift + 7
        if not shift:
            values.append(value)
            value = 0
    return values


def numbers_of(fields, field):
    """The numbers of a packed field of a parsed message."""
    return [value for part in fields.get(field, []) for value in numbers(part)]


def series_of(message, measurement):
    """Every series of a measurement in a frame, parsed."""
    return [series for series in map(parse, parse(message).get(9, [])) if series[1] == [measurement]]


def values_of(series, field):
    """The values of a field in a parsed series, row by row; empty when it is 0 in every row."""
    return next((numbers_of(column, 2) for column in map(parse, series.get(4, [])) if column[1] == [field]), [])


def tags_of(message, measurement):
    """The tag values of every series of a measurement in a frame."""
    texts, found = parse(message).get(10, []), []
    for series in series_of(message, measurement):
        values = series.get(2) or [texts[index] for index in numbers_of(series, 6)]
        each = len(values) // (series.get(7) or [1])[0]
        found += [tuple(values[at:at + each]) for at in range(0, len(values), each)]
    return found
