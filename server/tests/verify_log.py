#!/usr/bin/env python3
"""Verifies an exported audit log, and shares no code with the program that wrote it.

    verify_log.py EXPORT.jsonl HEADS.jsonl PUBLIC_KEY_HEX

Exits 0 with "holds: N entries", 3 with one line that names the first bad entry and why, 4 when there is no head at all, so
that nobody has signed any of it, and 2 when it could not look.
Only the standard library is used, so that an auditor can read everything there is to trust.

It cannot say whether the entries after the newest head were rewritten, or whether heads were taken away from the end
of HEADS.jsonl: nobody has signed those. What is not yet signed is named on standard error.
"""

import hashlib
import json
import re
import sys


class Bad(Exception):
    """The first thing that does not hold."""


def main(arguments):
    if len(arguments) != 3:
        return unable("usage: verify_log.py EXPORT.jsonl HEADS.jsonl PUBLIC_KEY_HEX")
    try:
        HEX_32(arguments[2])
        with open(arguments[0], "rb") as export, open(arguments[1], "rb") as heads:
            export, heads = export.read(), heads.read()
    except ValueError as wrong:
        return unable(f"the public key {wrong}")
    except OSError as wrong:
        return unable(wrong)
    try:
        count, signed, last = verify(export, heads, bytes.fromhex(arguments[2]))
    except Bad as bad:
        print(bad)
        return 3
    if not lines(heads):
        print(f"signed by nobody: {count} entries follow each other, and no head says that they are the vendor's")
        return 4
    if signed < last:
        print(f"not signed yet: entries {max(signed, last - count) + 1} to {last}", file=sys.stderr)
    print(f"holds: {count} entries")
    return 0


def unable(why):
    print(why, file=sys.stderr)
    return 2


def verify(export, heads, public_key):
    """How many entries there are, the newest that is signed and the last. Raises Bad with the one line to print."""
    return check_entries(export, check_heads(heads, public_key))


# --- The checks.


def check_heads(data, public_key):
    """Every record of HEADS.jsonl, each of them signed and none of them against another."""
    heads, newest, hashes = [], {}, {}
    for position, line in enumerate(lines(data), 1):
        head, name = check_head(line, position, public_key)
        kind, seq = head["kind"], head["seq"]
        if head["tenant"] != (heads or [head])[0]["tenant"]:
            raise Bad(f"{name} is of another tenant than the first")
        if seq < newest.get(kind, seq):
            raise Bad(f"{name} comes after the one of entry {newest[kind]}")
        if hashes.setdefault(seq, head["hash"]) != head["hash"]:
            raise Bad(f"{name} has another hash than an earlier record of the same entry")
        newest[kind] = seq
        heads.append(head)
    return heads


def check_head(line, position, public_key):
    """One record that was signed, and what to call it."""
    try:
        head = read(line, lambda record: PRUNED if record.get("kind") == "pruned" else HEAD)
    except ValueError as wrong:
        raise Bad(f"line {position} of the heads: {wrong}") from None
    kind, seq = head["kind"], head["seq"]
    name = f"entry {seq}: its {kind} record (line {position} of the heads)"
    if bytes.fromhex(head["key"]) != public_key:
        raise Bad(f"{name} names another key")
    if not signature_holds(public_key, signed_bytes(head), bytes.fromhex(head["signature"])):
        raise Bad(f"{name} has a signature that does not hold")
    # The head of an empty log is its genesis, as entry 0.
    if seq < (1 if kind == "pruned" else 0):
        raise Bad(f"{name} is of an entry that cannot be")
    return head, name


def check_entries(data, heads):
    """How many entries there are, the newest that is signed and the last, once all are found to hold."""
    entries = lines(data)
    if not entries and not heads:
        return 0, 0, 0
    first, tenant = peek(entries)
    if heads:
        tenant = heads[0]["tenant"]
    signed = {head["seq"]: head["hash"] for head in heads}
    last, previous = predecessor(first, heads, tenant)
    agree(signed, last, previous)
    for line in entries:
        previous = check_entry(line, last + 1, previous, tenant)
        last += 1
        agree(signed, last, previous)
    newest = max(signed, default=0)
    if newest > last:
        raise Bad(f"entry {last + 1}: is not there, but entry {newest} was signed: the log was truncated")
    return len(entries), newest, last


def peek(entries):
    """What the first entry says of itself, before any of it is believed. An unreadable one is told of later."""
    try:
        entry = read(entries[0], lambda _: ENTRY)
    except (IndexError, ValueError):
        return None, NIL
    return entry["seq"], entry["tenant"]


def predecessor(first, heads, tenant):
    """The number and the hash of what comes before the entries: nothing yet, or the newest that was pruned."""
    pruned = [head for head in heads if head["kind"] == "pruned"]
    if not pruned or first == 1:
        return 0, genesis(tenant)
    return pruned[-1]["seq"], bytes.fromhex(pruned[-1]["hash"])


def agree(signed, seq, found):
    if signed.get(seq, found.hex()) != found.hex():
        raise Bad(f"entry {seq}: its hash is not the one that was signed")


def check_entry(line, seq, previous, tenant):
    """The hash of the entry, which has to be the one with this number."""
    try:
        entry = read(line, lambda _: ENTRY)
    except ValueError as wrong:
        raise Bad(f"entry {seq}: {wrong}") from None
    if entry["seq"] != seq:
        raise Bad(f"entry {seq}: is not there; in its place is entry {entry['seq']}")
    if entry["tenant"] != tenant:
        raise Bad(f"entry {seq}: is of tenant {entry['tenant']}, not of {tenant}")
    expected = link(previous, entry)
    if bytes.fromhex(entry["hash"]) != expected:
        raise Bad(f"entry {seq}: its hash does not follow from its contents and the hash before it")
    return expected


# --- Reading, strictly: what two readers could take for two things is refused.


def pattern(expression, what):
    compiled = re.compile(expression)

    def check(value):
        if type(value) is not str or not compiled.fullmatch(value):
            raise ValueError(f"is not {what}")

    return check


def whole_number(value):
    # bool is an int in Python.
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise ValueError("is not a whole number of 64 bits")


def text(value):
    if type(value) is not str:
        raise ValueError("is not text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("is not valid Unicode") from None


NIL = "00000000-0000-0000-0000-000000000000"
UUID = pattern("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "a lower-case UUID")
HEX = pattern("([0-9a-f]{2})*", "lower-case hexadecimal")
HEX_32 = pattern("[0-9a-f]{64}", "32 bytes in lower-case hexadecimal")
HEX_64 = pattern("[0-9a-f]{128}", "64 bytes in lower-case hexadecimal")
ENTRY = {
    "tenant": UUID,
    "seq": whole_number,
    "at_ms": whole_number,
    "actor_kind": text,
    "actor": UUID,
    "action": text,
    "subject": UUID,
    "outcome": text,
    "detail": HEX,
    "hash": HEX_32,
}
HEAD = {
    "kind": pattern("head|pruned", '"head" or "pruned"'),
    "tenant": UUID,
    "seq": whole_number,
    "hash": HEX_32,
    "at_ms": whole_number,
    "key": HEX_32,
    "signature": HEX_64,
}
PRUNED = {**HEAD, "before_ms": whole_number}


def once(pairs):
    """JSON lets a name come twice, and readers differ on which counts."""
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a field comes twice")
    return record


def read(line, fields_of):
    """One line as a record that has exactly the fields of the format. Raises ValueError."""
    try:
        record = json.loads(line.decode(), object_pairs_hook=once)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise ValueError("the line is not JSON") from None
    if type(record) is not dict:
        raise ValueError("the line is not a JSON object")
    fields = fields_of(record)
    for name in fields:
        if name not in record:
            raise ValueError(f"{name} is missing")
    for name in record.keys() - fields.keys():
        raise ValueError(f"{name!a} is not a field of the format, so nothing vouches for it")
    for name, check in fields.items():
        try:
            check(record[name])
        except ValueError as wrong:
            raise ValueError(f"{name} {wrong}") from None
    return record


def lines(data):
    """At line feeds only: Python's own splitlines knows separators that JSON does not."""
    return data.removesuffix(b"\n").split(b"\n") if data else []


# --- What is hashed and what is signed.


def number(value):
    return value.to_bytes(8, "big", signed=True)


def uuid(value):
    return bytes.fromhex(value.replace("-", ""))


def prefixed(*fields):
    """Each field after its length in four bytes, so that no two lists of fields share an encoding."""
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


def canonical(entry):
    return prefixed(
        b"avouch-entry/1",
        uuid(entry["tenant"]),
        number(entry["seq"]),
        number(entry["at_ms"]),
        entry["actor_kind"].encode(),
        uuid(entry["actor"]),
        entry["action"].encode(),
        uuid(entry["subject"]),
        entry["outcome"].encode(),
        bytes.fromhex(entry["detail"]),
    )


def genesis(tenant):
    """What the first entry has as its predecessor."""
    return hashlib.sha256(b"avouch-log/1" + uuid(tenant)).digest()


def link(previous, entry):
    leaf = hashlib.sha256(b"\x00" + canonical(entry)).digest()
    return hashlib.sha256(b"\x02" + previous + leaf).digest()


def signed_bytes(head):
    fields = [
        b"avouch-head/1",
        head["kind"].encode(),
        uuid(head["tenant"]),
        number(head["seq"]),
        bytes.fromhex(head["hash"]),
        number(head["at_ms"]),
    ]
    if head["kind"] == "pruned":
        fields.append(number(head["before_ms"]))
    return prefixed(*fields)


# --- Ed25519 (RFC 8032 section 5.1), verification only. Nothing here is secret, so nothing has to take constant time.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
# Points are (X, Y, Z, T) with x = X/Z, y = Y/Z and x*y = T/Z.
NEUTRAL = (0, 1, 1, 0)


def add(p, q):
    """The sum of two points; the formulas are complete, so it doubles too."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar, point):
    total = NEUTRAL
    while scalar > 0:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def compress(point):
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decompress(encoded):
    """The point, or None if these 32 bytes are not the one encoding of a point."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if len(encoded) != 32 or y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P != 0 or (x == 0 and sign == 1):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = decompress((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def signature_holds(public_key, message, signature):
    """Whether the holder of the key signed this, in exactly these bytes.

    S must be below L (else a second valid signature could be made from a first), and the key must not be one of the
    eight points of small order, under which one signature fits many messages.
    """
    key = decompress(public_key)
    if key is None or len(signature) != 64 or compress(times(8, key)) == compress(NEUTRAL):
        return False
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    challenge = int.from_bytes(hashlib.sha512(r + public_key + message).digest(), "little") % L
    x, y, z, t = times(challenge, key)
    return compress(add(times(s, BASE), (P - x, y, z, P - t))) == r


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
