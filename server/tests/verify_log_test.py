#!/usr/bin/env python3
"""Tests of verify_log.py: python3 server/tests/verify_log_test.py

The key and the logs are made here; each test then does to a log what somebody might, and asks to be told.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

import verify_log as log  # noqa: E402

TENANT = "018f3c1e-7a2b-7c3d-8e4f-5a6b7c8d9e0f"
OTHER = "018f3c1e-7a2b-7c3d-8e4f-5a6b7c8d9e00"
SECRET = hashlib.sha256(b"a key for tests only").digest()


# --- Signing (RFC 8032 section 5.1.6), which the verifier has no use for.


def expand(secret):
    digest = hashlib.sha512(secret).digest()
    scalar = int.from_bytes(digest[:32], "little")
    return scalar & (1 << 254) - 8 | 1 << 254, digest[32:]


def public(secret):
    return log.compress(log.times(expand(secret)[0], log.BASE))


def sign(secret, message):
    def reduced(*parts):
        return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % log.L

    scalar, prefix = expand(secret)
    nonce = reduced(prefix, message)
    r = log.compress(log.times(nonce, log.BASE))
    s = (nonce + reduced(r, public(secret), message) * scalar) % log.L
    return r + s.to_bytes(32, "little")


PUBLIC = public(SECRET)


# --- A log, as the program would write it.


def entry(seq, **changed):
    return {
        "tenant": TENANT,
        "seq": seq,
        "at_ms": 1_700_000_000_000 + seq,
        "actor_kind": "person",
        "actor": "018f3c1e-7a2b-7c3d-8e4f-00000000000a",
        "action": "rôle-granted" if seq == 3 else "role-granted",
        "subject": "018f3c1e-7a2b-7c3d-8e4f-00000000000b",
        "outcome": "done",
        "detail": hashlib.sha256(bytes([seq])).hexdigest()[: 2 * seq],
        "hash": "",
        **changed,
    }


def hashed(entries, previous=None):
    """The same entries with the hashes that they ought to have."""
    previous = previous or log.genesis(entries[0]["tenant"])
    for one in entries:
        previous = log.link(previous, one)
        one["hash"] = previous.hex()
    return entries


def head(of, kind="head", secret=SECRET, **changed):
    record = {"kind": kind, "tenant": of["tenant"], "seq": of["seq"], "hash": of["hash"], "at_ms": of["at_ms"] + 1}
    if kind == "pruned":
        record["before_ms"] = of["at_ms"] + 1
    record.update(key=public(secret).hex(), **changed)
    return {**record, "signature": sign(secret, log.signed_bytes(record)).hex()}


def jsonl(records):
    return "".join(json.dumps(one, separators=(",", ":"), ensure_ascii=False) + "\n" for one in records).encode()


def flipped(value, position=0):
    """The value with the lowest bit of one byte turned over."""
    if type(value) is int:
        return value ^ 1
    return value[:position] + chr(ord(value[position]) ^ 1) + value[position + 1 :]


class Signatures(unittest.TestCase):
    # RFC 8032 section 7.1: TEST 1, TEST 2, TEST 3 and TEST SHA(abc): secret, public, message, signature.
    VECTORS = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
            "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
        (
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            hashlib.sha512(b"abc").hexdigest(),
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
            "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
        ),
    ]

    def test_the_vectors_of_rfc_8032_hold(self):
        for secret, key, message, signature in (map(bytes.fromhex, vector) for vector in self.VECTORS):
            self.assertEqual(public(secret), key)
            self.assertEqual(sign(secret, message), signature)
            self.assertTrue(log.signature_holds(key, message, signature))
            self.assertFalse(log.signature_holds(key, message + b"\0", signature))

    def test_a_changed_signature_does_not_hold(self):
        signature = sign(SECRET, b"message")
        for position in range(64):
            changed = bytearray(signature)
            changed[position] ^= 1
            self.assertFalse(log.signature_holds(PUBLIC, b"message", bytes(changed)), position)
        self.assertFalse(log.signature_holds(PUBLIC, b"message", signature + b"\0"))
        self.assertFalse(log.signature_holds(public(b"\1" * 32), b"message", signature))

    def test_an_s_that_is_not_canonical_is_refused(self):
        signature = sign(SECRET, b"message")
        s = int.from_bytes(signature[32:], "little") + log.L
        self.assertFalse(log.signature_holds(PUBLIC, b"message", signature[:32] + s.to_bytes(32, "little")))

    def test_keys_that_are_no_keys_are_refused(self):
        # With a key of order 1, R = [S]B fits every message.
        s = 5
        anything = log.compress(log.times(s, log.BASE)) + s.to_bytes(32, "little")
        self.assertFalse(log.signature_holds(log.compress(log.NEUTRAL), b"message", anything))
        for y in [log.P, log.P + 1, 2, 1 | 1 << 255]:
            self.assertIsNone(log.decompress(y.to_bytes(32, "little")), y)


class Format(unittest.TestCase):
    def test_the_bytes_are_those_of_the_format(self):
        """Written out by hand, so that the verifier's own encoding is not its only witness."""
        one = entry(1, detail="00ff", at_ms=-2, action="é")
        by_hand = (
            b"\0\0\0\x0eavouch-entry/1"
            b"\0\0\0\x10\x01\x8f\x3c\x1e\x7a\x2b\x7c\x3d\x8e\x4f\x5a\x6b\x7c\x8d\x9e\x0f"
            b"\0\0\0\x08\0\0\0\0\0\0\0\x01"
            b"\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xfe"
            b"\0\0\0\x06person"
            b"\0\0\0\x10\x01\x8f\x3c\x1e\x7a\x2b\x7c\x3d\x8e\x4f\0\0\0\0\0\x0a"
            b"\0\0\0\x02\xc3\xa9"
            b"\0\0\0\x10\x01\x8f\x3c\x1e\x7a\x2b\x7c\x3d\x8e\x4f\0\0\0\0\0\x0b"
            b"\0\0\0\x04done"
            b"\0\0\0\x02\0\xff"
        )
        self.assertEqual(log.canonical(one), by_hand)
        tenant = bytes.fromhex("018f3c1e7a2b7c3d8e4f5a6b7c8d9e0f")
        start = hashlib.sha256(b"avouch-log/1" + tenant).digest()
        leaf = hashlib.sha256(b"\0" + by_hand).digest()
        self.assertEqual(log.link(log.genesis(TENANT), one), hashlib.sha256(b"\2" + start + leaf).digest())

    def test_the_signed_bytes_are_those_of_the_format(self):
        record = {"kind": "head", "tenant": TENANT, "seq": 7, "hash": "ab" * 32, "at_ms": 9, "before_ms": 8}
        tenant = b"\0\0\0\x10\x01\x8f\x3c\x1e\x7a\x2b\x7c\x3d\x8e\x4f\x5a\x6b\x7c\x8d\x9e\x0f"
        rest = tenant + b"\0\0\0\x08" + bytes(7) + b"\7" + b"\0\0\0\x20" + b"\xab" * 32 + b"\0\0\0\x08" + bytes(7) + b"\x09"
        by_hand = b"\0\0\0\x0davouch-head/1\0\0\0\x04head" + rest
        self.assertEqual(log.signed_bytes(record), by_hand)
        pruned = b"\0\0\0\x0davouch-head/1\0\0\0\x06pruned" + rest + b"\0\0\0\x08" + bytes(7) + b"\x08"
        self.assertEqual(log.signed_bytes({**record, "kind": "pruned"}), pruned)


class Logs(unittest.TestCase):
    """Six entries; heads after the second, the fourth and the last. Some logs begin after a pruned third."""

    @classmethod
    def setUpClass(cls):
        cls.whole = hashed([entry(seq) for seq in range(1, 7)])
        cls.signed = [head(cls.whole[1]), head(cls.whole[3]), head(cls.whole[5])]
        cls.pruned = head(cls.whole[2], kind="pruned")

    def setUp(self):
        self.entries = [dict(one) for one in self.whole]
        self.heads = [dict(one) for one in self.signed]

    def check(self):
        return log.verify(jsonl(self.entries), jsonl(self.heads), PUBLIC)

    def found(self, number, why):
        with self.assertRaises(log.Bad) as raised:
            self.check()
        told = str(raised.exception)
        self.assertTrue(told.startswith(f"entry {number}: "), told)
        self.assertIn(why, told)
        self.assertNotIn("\n", told)

    def test_an_honest_log_holds(self):
        self.assertEqual(self.check(), (6, 6, 6))
        self.heads.pop()
        self.assertEqual(self.check(), (6, 4, 6), "with a tail that is not signed yet")
        self.heads.append(self.heads[-1])
        self.assertEqual(self.check(), (6, 4, 6), "with a head that was said again")
        self.heads = []
        self.assertEqual(self.check(), (6, 0, 6))
        self.entries = []
        self.assertEqual(self.check(), (0, 0, 0))

    def test_an_honest_log_of_the_platform_holds(self):
        self.entries = hashed([entry(1, tenant=log.NIL), entry(2, tenant=log.NIL)])
        self.heads = [head(self.entries[1])]
        self.assertEqual(self.check(), (2, 2, 2))

    def test_an_empty_log_can_be_signed(self):
        beginning = entry(0, hash=log.genesis(TENANT).hex())
        self.entries, self.heads = [], [head(beginning)]
        self.assertEqual(self.check(), (0, 0, 0))
        self.heads = [head({**beginning, "hash": "00" * 32})]
        self.found(0, "not the one that was signed")

    def test_a_flipped_byte_in_any_field_of_any_entry_is_found(self):
        for index, one in enumerate(self.whole):
            for field, value in one.items():
                for position in range(1 if type(value) is int else len(value)):
                    self.entries[index] = {**one, field: flipped(value, position)}
                    with self.subTest(seq=one["seq"], field=field, position=position):
                        with self.assertRaises(log.Bad) as raised:
                            log.check_entries(jsonl(self.entries), self.heads)
                        self.assertTrue(str(raised.exception).startswith(f"entry {one['seq']}: "), raised.exception)
            self.entries[index] = dict(one)

    def test_a_flipped_bit_anywhere_in_the_export_is_found(self):
        honest = jsonl(self.whole[:3])
        for position in range(len(honest) - 1):
            changed = bytearray(honest)
            changed[position] ^= 1
            with self.assertRaises(log.Bad, msg=f"byte {position}"):
                log.check_entries(bytes(changed), self.heads[:1])

    def test_a_flipped_byte_in_any_field_of_a_head_is_found(self):
        for kind, record in [("head", self.signed[1]), ("pruned", self.pruned)]:
            for field, value in record.items():
                last = 0 if type(value) is int else len(value) - 1
                for position in sorted({0, last // 2, last}):
                    self.heads = [{**record, field: flipped(value, position)}]
                    with self.subTest(kind=kind, field=field, position=position), self.assertRaises(log.Bad):
                        self.check()

    def test_a_deleted_entry_is_found(self):
        for index in range(5):
            self.entries = [one for one in self.whole if one["seq"] != index + 1]
            self.found(index + 1, "is not there; in its place")

    def test_a_deleted_entry_whose_place_was_closed_is_found(self):
        self.entries = hashed([entry(1)] + [entry(seq, action="role-taken") for seq in range(2, 6)])
        self.found(2, "not the one that was signed")

    def test_swapped_entries_are_found(self):
        self.entries[2], self.entries[3] = self.entries[3], self.entries[2]
        self.found(3, "in its place is entry 4")
        self.entries[2]["seq"], self.entries[3]["seq"] = 3, 4
        self.found(3, "does not follow")

    def test_an_inserted_entry_is_found(self):
        self.entries.insert(2, dict(self.whole[2]))
        self.found(4, "in its place is entry 3")
        self.entries = [dict(one) for one in self.whole]
        self.entries.insert(2, entry(3, action="forged", hash="00" * 32))
        for seq, one in enumerate(self.entries, 1):
            one["seq"] = seq
        self.found(3, "does not follow")
        hashed(self.entries)
        self.found(4, "not the one that was signed")

    def test_a_truncated_log_is_found(self):
        for kept in range(6):
            self.entries = [dict(one) for one in self.whole[:kept]]
            self.found(kept + 1, "the log was truncated")

    def test_a_log_that_was_rewritten_and_hashed_anew_is_found(self):
        for index, signed in enumerate([2, 2, 4, 4, 6, 6]):
            self.entries = [dict(one) for one in self.whole]
            self.entries[index]["outcome"] = "refused"
            hashed(self.entries)
            self.found(signed, "not the one that was signed")

    def test_a_log_signed_with_another_key_is_found(self):
        self.heads[1] = head(self.whole[3], secret=b"\1" * 32)
        self.found(4, "names another key")
        self.heads[1]["key"] = PUBLIC.hex()
        self.found(4, "a signature that does not hold")

    def test_heads_out_of_order_are_found(self):
        self.heads[0], self.heads[1] = self.heads[1], self.heads[0]
        self.found(2, "comes after the one of entry 4")

    def test_two_heads_of_one_entry_that_differ_are_found(self):
        self.heads.insert(1, head({**self.whole[1], "hash": "00" * 32}))
        self.found(2, "another hash than an earlier record")

    def test_a_head_cannot_pass_for_a_pruned_record(self):
        self.entries = self.entries[4:]
        self.heads[1].update(kind="pruned", before_ms=self.whole[3]["at_ms"])
        self.found(4, "a signature that does not hold")

    def test_another_tenant_is_found(self):
        self.entries = hashed([entry(seq, tenant=OTHER) for seq in range(1, 7)])
        self.found(1, f"is of tenant {OTHER}")
        self.heads = []
        self.entries[2]["tenant"] = TENANT
        self.found(3, f"is of tenant {TENANT}")
        self.heads = [*self.signed, head(entry(6, tenant=OTHER, hash=self.whole[5]["hash"]))]
        self.found(6, "another tenant than the first")

    def test_a_pruned_log_holds_and_only_as_it_was_pruned(self):
        self.heads.insert(2, self.pruned)
        self.assertEqual(self.check(), (6, 6, 6), "what was signed as pruned is still there")
        self.entries = self.entries[3:]
        self.assertEqual(self.check(), (3, 6, 6))
        self.entries[0]["outcome"] = "refused"
        self.found(4, "does not follow")
        self.entries = [dict(one) for one in self.whole[2:]]
        self.found(4, "in its place is entry 3")
        self.entries = [dict(one) for one in self.whole[4:]]
        self.found(4, "in its place is entry 5")
        self.entries = []
        self.found(4, "the log was truncated")

    def test_a_log_of_which_everything_was_pruned_holds(self):
        self.entries, self.heads = [], [*self.heads, head(self.whole[5], kind="pruned")]
        self.assertEqual(self.check(), (0, 6, 6))

    def test_only_the_newest_pruned_record_counts(self):
        newer = head(self.whole[3], kind="pruned")
        self.heads = [self.pruned, newer, self.heads[2]]
        self.entries = self.entries[3:]
        self.found(5, "in its place is entry 4")
        self.entries = self.entries[1:]
        self.assertEqual(self.check(), (2, 6, 6))
        self.heads = [newer, self.pruned]
        self.found(3, "comes after the one of entry 4")

    def test_a_missing_pruned_record_is_found(self):
        self.entries = self.entries[3:]
        self.found(1, "in its place is entry 4")

    def test_a_pruned_record_with_another_hash_is_found(self):
        wrong = head({**self.whole[2], "hash": "00" * 32}, kind="pruned")
        self.heads.insert(2, wrong)
        self.found(3, "not the one that was signed")
        self.entries = self.entries[3:]
        self.found(4, "does not follow")

    def test_what_two_readers_could_read_differently_is_refused(self):
        first = json.dumps(self.whole[0])
        for changed, why in [
            (first[:-1] + ', "note": "approved"}', "not a field of the format"),
            (first[:-1] + ', "outcome": "refused"}', "a field comes twice"),
            (first.replace(TENANT, TENANT.upper()), "a lower-case UUID"),
            (first.replace('"seq": 1', '"seq": true'), "a whole number"),
            (first.replace('"seq": 1', '"seq": 1.0'), "a whole number"),
            (first.replace('"seq": 1', '"seq": 9223372036854775808'), "a whole number"),
            (first.replace('"seq": 1', '"seq": ' + "1" * 5000), ""),
            (first.replace('"done"', r'"\ud800"'), "not valid Unicode"),
            (first.replace('"done"', "null"), "is not text"),
            (first.replace(', "outcome": "done"', ""), "outcome is missing"),
            ("[" * 100_000, "not JSON"),
            ("[]", "not a JSON object"),
            ("", "not JSON"),
        ]:
            for heads in (self.heads, []):
                with self.assertRaises(log.Bad, msg=changed[:300]) as raised:
                    log.check_entries(changed.encode() + b"\n" + jsonl(self.whole[1:]), heads)
                told = str(raised.exception)
                self.assertTrue(told.startswith("entry 1: ") and why in told, told)
        with self.assertRaises(log.Bad):
            log.check_entries(b"\xff\n", self.heads)


class CommandLine(unittest.TestCase):
    def run_with(self, entries, heads, key=PUBLIC.hex()):
        with tempfile.TemporaryDirectory() as folder:
            export, signed = Path(folder, "export.jsonl"), Path(folder, "heads.jsonl")
            export.write_bytes(jsonl(entries))
            signed.write_bytes(jsonl(heads))
            return self.run_program(str(export), str(signed), key)

    def run_program(self, *arguments):
        done = subprocess.run([sys.executable, log.__file__, *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_it_says_what_it_found_and_exits_so(self):
        entries = hashed([entry(seq) for seq in range(1, 5)])
        self.assertEqual(self.run_with(entries, [head(entries[3])]), (0, "holds: 4 entries\n", ""))
        signed = [head(entries[2])]
        self.assertEqual(self.run_with(entries, signed), (0, "holds: 4 entries\n", "not signed yet: entries 4 to 4\n"))
        code, told, _ = self.run_with(entries, [])
        self.assertEqual((code, told.split(":")[0]), (4, "signed by nobody"))
        entries[1]["action"] = "forged"
        why = "entry 2: its hash does not follow from its contents and the hash before it\n"
        self.assertEqual(self.run_with(entries, signed), (3, why, ""))

    def test_not_having_looked_is_neither(self):
        self.assertEqual(self.run_with([], [], "abc")[0], 2)
        self.assertEqual(self.run_program()[0], 2)
        self.assertEqual(self.run_program("/nowhere", "/nowhere", PUBLIC.hex())[0], 2)


if __name__ == "__main__":
    unittest.main()
