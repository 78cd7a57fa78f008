"""Writes journal-00000001 of format 1 from its description, sharing no code with the journal.

Three records: 41 traces "first", 42 released, 43 dead-letter with head "why" and body "third".
A program that reads newer formats must go on reading this file.
"""
import pathlib
import struct


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def record(slot, number, kind, head, body, epoch=7):
    payload = struct.pack("<B3xI", kind, len(head)) + head + body
    rest = struct.pack("<IIQII", crc32c(payload), len(payload), number, epoch, slot)
    data = struct.pack("<II", 0x4352564E, crc32c(rest)) + rest + payload
    return data + bytes(-len(data) % 64)


def segment():
    size, slots, epoch = 16384, 4096, 7
    front = b"NVJOURNL" + struct.pack("<I", 1)
    rest = struct.pack("<I4xIIQI", epoch, size, slots, 41, 0) + bytes(20)
    header = front + struct.pack("<I", crc32c(front + rest)) + rest
    assert len(header) == 64
    released = b"\0\xa5\0"
    data = header + bytes(4096 - 64) + released + bytes(slots - len(released))
    data += record(0, 41, 1, b"", b"first") + record(1, 42, 1, b"", b"second")
    data += record(2, 43, 4, b"why", b"third")
    return data + bytes(size - len(data))


if __name__ == "__main__":
    (pathlib.Path(__file__).parent / "journal-00000001").write_bytes(segment())
