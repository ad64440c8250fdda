"""Makes passkeys and logins, right and wrong ones, and says which of them python-fido2 accepts.

Prints a line of JSON for each. The arguments are their number, and the formats of attestation: all
if none is given. An attestation is made up.
"""

import base64
import hashlib
import json
import os
import random
import struct
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from fido2 import cbor, cose
from fido2.client import ClientData
from fido2.ctap2 import AttestationObject, AuthenticatorData
from fido2.server import Fido2Server

PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, CREDENTIAL, EXTENSIONS = 1, 4, 8, 16, 64, 128
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ORIGIN, RP_ID = "https://example.org", "example.org"
FORMATS = sys.argv[2:] or ["none", "packed", "fido-u2f", "made-up"]
SERVER = Fido2Server({"id": RP_ID, "name": "x"})


def text(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def data_of(encoded):
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


def keys():
    """A few keys of each algorithm: to make them takes longer than to sign."""
    made = [("ES256", ec.generate_private_key(ec.SECP256R1())) for _ in range(4)]
    made += [("EdDSA", ed25519.Ed25519PrivateKey.generate()) for _ in range(4)]
    made += [("RS256", rsa.generate_private_key(65537, 2048)) for _ in range(2)]
    return made


def sign(algorithm, key, message):
    if algorithm == "ES256":
        return key.sign(message, ec.ECDSA(hashes.SHA256()))
    if algorithm == "EdDSA":
        return key.sign(message)
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def integer(number):
    """A number in DER, behind its tag and length."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def sequence(numbers):
    parts = b"".join(b"\x02" + bytes([len(n)]) + n for n in numbers)
    return b"\x30" + bytes([len(parts)]) + parts


class Case:
    """What an authenticator and a browser make, in parts that can be damaged."""

    def __init__(self, which, key_pairs):
        self.algorithm, self.key = which.choice(key_pairs)
        self.signer = (self.algorithm, self.key)
        self.id = os.urandom(which.choice([1, 16, 20, 32, 64, 255, 1023]))
        self.challenge = os.urandom(32)
        self.requires_verification = which.random() < 0.3
        backup = which.choice([0, ELIGIBLE, ELIGIBLE | BACKED_UP])
        self.parts = {}
        for at in ("registration", "login"):
            flags = PRESENT | which.choice([0, VERIFIED])
            if self.requires_verification and at == "login":
                flags |= VERIFIED
            if backup & ELIGIBLE:
                flags |= which.choice([ELIGIBLE, backup])
            self.parts[at] = {
                "flags": flags,
                "hash": hashlib.sha256(RP_ID.encode()).digest(),
                "count": which.choice([0, 1, 2**31, 2**32 - 1, which.getrandbits(32)]),
                "extensions": self.extensions(which),
                "behind": b"",
                "client": self.client(which, at),
            }
        cose_key = cose.CoseKey.for_name(self.algorithm)
        self.public_key = cbor.encode(dict(cose_key.from_cryptography_key(self.key.public_key())))
        self.format = which.choice(FORMATS)
        self.statement = {} if self.format == "none" else {"alg": -7, "sig": os.urandom(70)}
        self.change_signature = lambda signature: signature
        self.change = {}

    @staticmethod
    def extensions(which):
        choices = [None, {}, {"credProtect": 2}, {"a": {"b": [1, -5, True, "x", b"y"]}, "c": 2**40}]
        return which.choice(choices)

    def client(self, which, at):
        members = [
            ("type", "webauthn.create" if at == "registration" else "webauthn.get"),
            ("challenge", text(self.challenge)),
            ("origin", ORIGIN),
        ]
        if which.random() < 0.5:
            members.append(("crossOrigin", False))
        if which.random() < 0.2:
            members.append(("other_keys_can_be_added_here", {"é": ["\u2028", None, 1.5]}))
        if which.random() < 0.5:
            which.shuffle(members)
        separators = which.choice([(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n")])
        return {"members": members, "separators": separators, "ascii": which.random() < 0.5}

    def authenticator_data(self, at):
        part = self.parts[at]
        flags, rest = part["flags"], b""
        if at == "registration" or part.get("has_credential"):
            flags |= CREDENTIAL
            rest += os.urandom(16) + struct.pack(">H", len(self.id)) + self.id + self.public_key
        if part["extensions"] is not None:
            flags |= EXTENSIONS
            rest += cbor.encode(part["extensions"])
        flags ^= part.get("flipped", 0)
        return part["hash"] + struct.pack(">BI", flags, part["count"]) + rest + part["behind"]

    def client_data(self, at):
        client = self.parts[at]["client"]
        members = []
        for name, value in client["members"]:
            value = json.dumps(value, ensure_ascii=client["ascii"], separators=client["separators"])
            members.append(json.dumps(name) + client["separators"][1] + value)
        return ("{" + client["separators"][0].join(members) + "}").encode()

    def set_member(self, at, name, value):
        client = self.parts[at]["client"]
        client["members"] = [(n, v) for n, v in client["members"] if n != name] + [(name, value)]

    def changed(self, at, member, data):
        change = self.change.get((at, member))
        return change(data) if change else data

    def credential(self, at, response):
        name = self.change.get((at, "id"), lambda data: data)(self.id)
        response = {member: text(data) for member, data in response.items()}
        return {"id": text(name), "rawId": text(name), "type": "public-key", "response": response}

    def registration(self):
        at = "registration"
        attestation = {
            "fmt": self.format,
            "attStmt": self.statement,
            "authData": self.authenticator_data(at),
        }
        attestation = self.changed(at, "attestationObject", cbor.encode(attestation))
        client_data = self.changed(at, "clientDataJSON", self.client_data(at))
        response = {"clientDataJSON": client_data, "attestationObject": attestation}
        return self.credential(at, response)

    def login(self):
        at = "login"
        data, client_data = self.authenticator_data(at), self.client_data(at)
        message = data + hashlib.sha256(client_data).digest()
        signature = self.change_signature(sign(*self.signer, message))
        response = {
            "clientDataJSON": self.changed(at, "clientDataJSON", client_data),
            "authenticatorData": self.changed(at, "authenticatorData", data),
            "signature": self.changed(at, "signature", signature),
        }
        return self.credential(at, response)


def damage_part(which, case, at):
    """Makes one thing wrong that both ceremonies have. Returns its name."""
    part = case.parts[at]

    def set_key(name, value):
        part[name] = value

    damages = {
        "type": lambda: case.set_member(at, "type", "webauthn.other"),
        "ceremony": lambda: case.set_member(
            at, "type", "webauthn.get" if at == "registration" else "webauthn.create"
        ),
        "challenge": lambda: case.set_member(at, "challenge", text(os.urandom(32))),
        "short_challenge": lambda: case.set_member(at, "challenge", text(case.challenge[:-1])),
        "no_challenge": lambda: case.set_member(at, "challenge", None),
        "plain_http": lambda: case.set_member(at, "origin", "http://example.org"),
        "other_origin": lambda: case.set_member(at, "origin", "https://example.com"),
        "longer_origin": lambda: case.set_member(at, "origin", ORIGIN + ".example.net"),
        "subdomain": lambda: case.set_member(at, "origin", "https://a.example.org"),
        "port": lambda: case.set_member(at, "origin", ORIGIN + ":8443"),
        "frame": lambda: case.set_member(at, "crossOrigin", True),
        "top_origin": lambda: case.set_member(at, "topOrigin", "https://example.com"),
        "rp_id": lambda: set_key("hash", hashlib.sha256(b"example.com").digest()),
        "user_absent": lambda: set_key("flags", part["flags"] & ~PRESENT),
        "backed_up_only": lambda: set_key("flags", part["flags"] & ~ELIGIBLE | BACKED_UP),
        "bytes_behind": lambda: set_key("behind", os.urandom(which.randint(1, 40))),
        "extensions_flag": lambda: set_key("flipped", EXTENSIONS),
        "credential_flag": lambda: set_key("flipped", CREDENTIAL),
        "member_twice": lambda: part["client"]["members"].append(("origin", ORIGIN)),
        "other_id": lambda: case.change.update({(at, "id"): lambda data: data + b"x"}),
    }
    name = which.choice(sorted(damages))
    damages[name]()
    return name


def damage_key(which, case):
    """Registers a key that should not be. Returns the name of what is wrong."""
    key = cbor.decode(case.public_key)
    damages = {
        "algorithm_of_key": {3: which.choice([-35, -36, -47, -65535, 0, 7])},
        "pss": {3: -37},
        "curve": {-1: which.choice([2, 3, 4, 5, 7, 8]) if case.algorithm != "RS256" else b"\x01" * 64},
        "key_type": {1: which.choice([0, 4, 5])},
        "short_x": {-2: key[-2][:-1]},
        "point": {-2: bytes(reversed(key[-2]))},
    }
    name = which.choice(sorted(damages))
    key.update(damages[name])
    case.public_key = cbor.encode(key)
    return name


def damage_signature(which, case):
    def ecdsa(change):
        return lambda signature: change(*decode_dss_signature(signature))

    damages = {
        "last_bytes": lambda s: s[:-4] + os.urandom(4),
        "empty_signature": lambda s: b"\0",
        "longer_signature": lambda s: s + b"\0",
    }
    if case.algorithm == "ES256":
        damages.update(
            {
                "negative_s": ecdsa(lambda r, s: sequence([integer(r), integer(ORDER - s)])),
                "larger_s": ecdsa(lambda r, s: sequence([integer(r), integer(ORDER + s)])),
                "padded_number": ecdsa(lambda r, s: sequence([b"\0" + integer(r), integer(s)])),
                "plain_signature": ecdsa(lambda r, s: r.to_bytes(32, "big") + s.to_bytes(32, "big")),
                "zeros": ecdsa(lambda r, s: sequence([integer(0), integer(0)])),
            }
        )
    if case.algorithm == "EdDSA":
        ed_order = 2**252 + 27742317777372353535851937790883648493

        def larger(signature):
            s = int.from_bytes(signature[32:], "little") + ed_order
            return signature[:32] + s.to_bytes(32, "little")

        damages["larger_scalar"] = larger
    name = which.choice(sorted(damages))
    case.change_signature = damages[name]
    return name


def damage_bytes(which, case, at):
    """Changes bytes anywhere, after the signature was made."""
    members = ["clientDataJSON", "attestationObject"]
    if at == "login":
        members = ["clientDataJSON", "authenticatorData", "signature"]

    def change(data):
        data, place = bytearray(data), which.randrange(len(data))
        how = which.randrange(4)
        if how == 0:
            data[place] ^= 1 << which.randrange(8)
        elif how == 1:
            del data[place:]
        elif how == 2:
            data.insert(place, which.randrange(256))
        else:
            del data[place]
        return bytes(data)

    member = which.choice(members)
    case.change[(at, member)] = change
    return "bytes"


def damage(which, case, key_pairs):
    """Makes one thing wrong, or none. Returns what, and in which ceremony."""
    at = which.choice(["registration", "login"])
    kind = which.randrange(10)
    if kind < 2:
        return "nothing", at
    if kind < 6:
        return damage_part(which, case, at), at
    if kind == 6:
        return damage_key(which, case), "registration"
    if kind == 7:
        return damage_signature(which, case), "login"
    if kind == 8 and at == "login":
        if case.requires_verification:
            case.parts[at]["flags"] &= ~VERIFIED
            return "user_not_verified", at
        case.parts[at]["flags"] ^= ELIGIBLE
        case.parts[at]["flags"] &= ~BACKED_UP
        return "eligibility", at
    if kind == 8:
        case.signer = which.choice([pair for pair in key_pairs if pair[1] is not case.key])
        return "other_key", "login"
    return damage_bytes(which, case, at), at


def verify(case, registration, login):
    """What python-fido2 makes of both: what it has read, or None."""
    state = {"challenge": text(case.challenge), "user_verification": None}
    try:
        response = registration["response"]
        client_data = ClientData(data_of(response["clientDataJSON"]))
        attestation = AttestationObject(data_of(response["attestationObject"]))
        data = SERVER.register_complete(state, client_data, attestation)
        known = data.credential_data
        registered = {"id": text(known.credential_id), "count": data.counter, "flags": data.flags}
    except Exception:
        return None, None
    if case.requires_verification:
        state["user_verification"] = "required"
    try:
        response = login["response"]
        client_data = ClientData(data_of(response["clientDataJSON"]))
        data = AuthenticatorData(data_of(response["authenticatorData"]))
        signature = data_of(response["signature"])
        name = data_of(login["rawId"])
        SERVER.authenticate_complete(state, [known], name, client_data, data, signature)
        return registered, {"count": data.counter, "flags": data.flags}
    except Exception:
        return registered, None


def main():
    which, key_pairs = random.Random(), keys()
    for _ in range(int(sys.argv[1])):
        case = Case(which, key_pairs)
        damaged, at = damage(which, case, key_pairs)
        registration, login = case.registration(), case.login()
        registered, logged_in = verify(case, registration, login)
        print(
            json.dumps(
                {
                    "damaged": damaged,
                    "at": at,
                    "challenge": text(case.challenge),
                    "requires_verification": case.requires_verification,
                    "registration": json.dumps(registration),
                    "login": json.dumps(login),
                    "registered": registered,
                    "logged_in": logged_in,
                }
            )
        )


main()
