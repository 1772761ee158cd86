#!/usr/bin/env python3
"""Verifies the archive of an access review without any code of the product.

    verify_review.py ARCHIVE

Checks every file against the signed list, the population against its hash, and each entry of the log against the chain that leads to a signed
head. Ed25519 is asked of openssl, which every distribution has.
"""

import hashlib
import json
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path


# What an entry is called that tells of a grant taken away, and whose id it is about.
EFFECTS = {
    "membership": ("member-offboarded", "account"),
    "help": ("help-ended", "account"),
    "reach": ("reach-withdrawn", "account"),
    "token": ("calendar-closed", "account"),
    "invitation": ("invitation-withdrawn", "target_id"),
}


def fail(why):
    sys.exit(f"does not hold: {why}")


def signed(key, message, signature):
    # The public key as openssl reads it: the fixed head of an Ed25519 SubjectPublicKeyInfo (RFC 8410) before its 32 bytes.
    der = bytes.fromhex("302a300506032b6570032100") + bytes.fromhex(key)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "key").write_bytes(der)
        (folder / "message").write_bytes(message)
        (folder / "signature").write_bytes(bytes.fromhex(signature))
        done = subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", folder / "key", "-rawin",
             "-in", folder / "message", "-sigfile", folder / "signature"],
            capture_output=True, check=False)
        return done.returncode == 0


def fields(*parts):
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def uuid(text):
    return bytes.fromhex(text.replace("-", ""))


def leaf(row):
    canonical = fields(
        b"avouch-entry/1", uuid(row["tenant"]), struct.pack(">q", row["seq"]), struct.pack(">q", row["at_ms"]),
        row["actor_kind"].encode(), uuid(row["actor"]), row["action"].encode(), uuid(row["subject"]),
        row["outcome"].encode(), bytes.fromhex(row["detail"]))
    return hashlib.sha256(b"\0" + canonical).digest()


def lines(archive, name):
    return [json.loads(line) for line in archive.read(name).splitlines() if line]


def organisations(archive, items):
    """The entries of an organisation's review, and where its chain of leaves leads."""
    leaves = {row["seq"]: bytes.fromhex(row["leaf"]) for row in lines(archive, "log/chain.jsonl")}
    entries = lines(archive, "log/entries.jsonl")
    for row in entries:
        if leaves.get(row["seq"]) != leaf(row):
            fail(f"entry {row['seq']}")
    told(entries, items)
    before = json.loads(archive.read("log/before.json"))
    head = json.loads(archive.read("log/head.json"))
    at, at_hash = before["after_seq"], bytes.fromhex(before["hash"])
    while at < head["seq"]:
        at += 1
        if at not in leaves:
            fail(f"entry {at} is missing from the chain")
        at_hash = hashlib.sha256(b"\2" + at_hash + leaves[at]).digest()
    return entries, at_hash


def told(entries, items):
    """The log tells of each decision and of what came of it."""
    decided = {row["subject"] for row in entries if row["action"] == "item-decided"}
    for item in items:
        if item["decision"] and not item["silent"] and item["id"] not in decided:
            fail(f"nothing in the log says that {item['id']} was decided on")
    done = {(row["action"], row["subject"]) for row in entries}
    for item in (item for item in items if item["state"] == "applied"):
        action, whose = EFFECTS[item["kind"]]
        action = "role-changed" if item["decision"] == "change" else action
        if (action, item[whose]) not in done:
            fail(f"nothing in the log says that {item['id']} was done")


def platforms(archive, report):
    """The entries of a review of the seats, and where the platform's chain leads."""
    chain = lines(archive, "log/chain.jsonl")
    entries = lines(archive, "log/entries.jsonl")
    if any(row not in chain for row in entries):
        fail("an entry that is not in the log")
    if report["completeness"]["population_sha256"] not in entries[0]["detail"]:
        fail("the log does not have the hash of the population")
    for number, row in enumerate(chain):
        if number > 0 and row["previous_hash"] != chain[number - 1]["hash"]:
            fail(f"what stands before entry {row['seq']}")
        hashed = hashlib.sha256()
        for name in ("previous_hash", "seq", "at_ms", "actor", "action", "subject", "detail"):
            text = str(row[name]).encode()
            hashed.update(struct.pack(">Q", len(text)) + text)
        if hashed.hexdigest() != row["hash"]:
            fail(f"entry {row['seq']}")
    return entries, bytes.fromhex(chain[-1]["hash"])


def main(path):
    archive = zipfile.ZipFile(path)
    if archive.testzip() is not None:
        fail("the ZIP is damaged")
    text = archive.read("manifest.json")
    signature = json.loads(archive.read("manifest.sig"))
    if not signed(signature["key"], b"avouch-review/1\n" + text, signature["signature"]):
        fail("the signature of the list")
    parts = json.loads(text)["parts"]
    known = {part["file"] for part in parts} | {"manifest.json", "manifest.sig"}
    if sorted(known) != sorted(archive.namelist()):
        fail("the list is not of these files")
    for part in parts:
        content = archive.read(part["file"])
        if len(content) != part["bytes"] or hashlib.sha256(content).hexdigest() != part["sha256"]:
            fail(part["file"])
    report = json.loads(archive.read("report.json"))
    population = archive.read("population.txt")
    if hashlib.sha256(population).hexdigest() != report["completeness"]["population_sha256"]:
        fail("the hash of the population")
    items = lines(archive, "items.jsonl")
    if len(items) != report["counts"]["items"] or len(population.splitlines()) != len(items):
        fail("the number of items")
    if "log/README.txt" in archive.namelist():
        fail("there is no proof from the log: " + archive.read("log/README.txt").decode().strip())
    of_seats = report["review"]["scope"] == "seats"
    entries, at_hash = platforms(archive, report) if of_seats else organisations(archive, items)
    head = json.loads(archive.read("log/head.json"))
    if at_hash.hex() != head["hash"]:
        fail("the chain does not lead to the head")
    message = fields(b"avouch-head/1", head["kind"].encode(), uuid(head["tenant"]), struct.pack(">q", head["seq"]),
                     at_hash, struct.pack(">q", head["at_ms"]))
    if head["key"] != signature["key"] or not signed(head["key"], message, head["signature"]):
        fail("the signature of the head")
    print(f"holds: {len(items)} items, {len(entries)} entries: {' '.join(row['action'] for row in entries)}")


main(sys.argv[1])
