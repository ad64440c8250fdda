"""Makes the test vectors of WebAuthn Level 3, section 16, as the section says that they are made.

Random values are HKDF-SHA-256 of a fixed text, ECDSA takes its nonces by RFC 6979, and the RSA key
is of two Mersenne primes. Prints a line of JSON for each example. What the section leaves open (the
members of certificates and of the TPM's structures) is as the examples have it.
"""

import base64
import hashlib
import hmac
import json
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from fido2 import cbor

PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, CREDENTIAL = 1, 4, 8, 16, 64
FLAGS = VERIFIED | ELIGIBLE | BACKED_UP
ES256 = -7
# A curve, its number in COSE, the hash of its signatures, and its order.
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P384_ORDER = (1 << 384) - 0x389CB27E0BC8D220A7E5F24DB74F58851313E695333AD68D
P521_ORDER = (1 << 521) - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7
P256 = (ec.SECP256R1(), 1, hashes.SHA256(), P256_ORDER)
P384 = (ec.SECP384R1(), 2, hashes.SHA384(), P384_ORDER)
P521 = (ec.SECP521R1(), 3, hashes.SHA512(), P521_ORDER)


def sha256(data):
    return hashlib.sha256(data).digest()


def text(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def values(info):
    """The random values of an example, one after the other, of a length each."""

    def take(length):
        take.number += 1
        salt = bytes([take.number - 1])
        hkdf = HKDF(hashes.SHA256(), length, salt, info.encode())
        return hkdf.derive(b"WebAuthn test vectors")

    take.number = 0
    return take


class Ecdsa:
    """A key of ECDSA whose signatures are those of RFC 6979."""

    def __init__(self, secret, curve=P256, algorithm=ES256):
        self.curve, self.number, self.hash, self.order = curve
        self.secret, self.algorithm = int.from_bytes(secret, "big"), algorithm
        self.key = ec.derive_private_key(self.secret, self.curve)
        size = (self.curve.key_size + 7) // 8
        point = self.key.public_key().public_numbers()
        self.x, self.y = point.x.to_bytes(size, "big"), point.y.to_bytes(size, "big")

    def cose(self):
        return {1: 2, 3: self.algorithm, -1: self.number, -2: self.x, -3: self.y}

    def shortened(self, data):
        """The leftmost bits of a byte string, as many as the order has."""
        number = int.from_bytes(data, "big")
        return number >> max(0, len(data) * 8 - self.order.bit_length())

    def nonces(self, digest):
        """The nonces of section 3.2 of RFC 6979."""
        size = (self.order.bit_length() + 7) // 8

        def mac(key, data):
            return hmac.new(key, data, self.hash.name).digest()

        seed = self.secret.to_bytes(size, "big")
        seed += (self.shortened(digest) % self.order).to_bytes(size, "big")
        v, k = b"\x01" * self.hash.digest_size, b"\x00" * self.hash.digest_size
        for separator in (b"\x00", b"\x01"):
            k = mac(k, v + separator + seed)
            v = mac(k, v)
        while True:
            candidate = b""
            while len(candidate) < size:
                v = mac(k, v)
                candidate += v
            nonce = self.shortened(candidate[:size])
            if 0 < nonce < self.order:
                yield nonce
            k = mac(k, v + b"\x00")
            v = mac(k, v)

    def sign(self, message):
        digest = hashlib.new(self.hash.name, message).digest()
        for nonce in self.nonces(digest):
            point = ec.derive_private_key(nonce, self.curve).public_key().public_numbers()
            r = point.x % self.order
            s = pow(nonce, -1, self.order) * (self.shortened(digest) + r * self.secret) % self.order
            if r and s:
                return encode_dss_signature(r, s)


class Rsa:
    def __init__(self):
        p, q, e = 2**1279 - 1, 2**2203 - 1, 65537
        d = pow(e, -1, (p - 1) * (q - 1))
        public = rsa.RSAPublicNumbers(e, p * q)
        halves = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
        self.key = rsa.RSAPrivateNumbers(p, q, d, *halves, public).private_key()
        self.modulus = (p * q).to_bytes(((p * q).bit_length() + 7) // 8, "big")

    def cose(self):
        return {1: 3, 3: -257, -1: self.modulus, -2: b"\x01\x00\x01"}

    def sign(self, message):
        return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())


class Edwards:
    def __init__(self, key, algorithm, curve):
        self.key, self.algorithm, self.curve = key, algorithm, curve
        self.x = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def cose(self):
        return {1: 1, 3: self.algorithm, -1: self.curve, -2: self.x}

    def sign(self, message):
        return self.key.sign(message)


def der(tag, content):
    size = (len(content).bit_length() + 7) // 8
    length = len(content).to_bytes(max(size, 1), "big")
    if len(content) > 127:
        length = bytes([0x80 | size]) + length
    return bytes([tag]) + length + content


def name_of(unit):
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "WebAuthn test vectors"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "W3C"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "AA"),
        ]
    )


def certificate(subject, key, serial, issuer, extensions=()):
    """A certificate in DER. It is the issuer's own if the issuer is its key."""
    is_ca = issuer is key
    usages = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment"]
    usages += ["key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    allowed = ["key_cert_sign", "crl_sign"] if is_ca else ["digital_signature"]
    usage = x509.KeyUsage(**{usage: usage in allowed for usage in usages})
    key_id = x509.SubjectKeyIdentifier.from_public_key
    of_issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(name_of("Authenticator Attestation CA"))
        .public_key(key.key.public_key())
        .serial_number(int.from_bytes(serial, "big"))
        .not_valid_before(datetime(2024, 1, 1))
        .not_valid_after(datetime(3024, 1, 1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(key_id(key.key.public_key()), critical=False)
    )
    if not is_ca:
        builder = builder.add_extension(of_issuer(key_id(issuer.key.public_key())), critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    signed = builder.sign(issuer.key, hashes.SHA256()).tbs_certificate_bytes
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    return der(0x30, signed + algorithm + der(0x03, b"\x00" + issuer.sign(signed)))


def extension(oid, content):
    return (x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), content), False)


ROOT = Ecdsa(values("Attestation CA")(32))
ATTESTED = name_of("Authenticator Attestation")


def attestation(kind, key, take, data, client_data):
    """The attestation statement of a format."""
    message = data + sha256(client_data)
    if kind == "none":
        return {}
    if kind == "packed-self":
        return {"alg": ES256, "sig": key.sign(message)}
    if kind == "android-key":
        numbers = [b"\x02\x02\x01\x2c", b"\x0a\x01\x00", b"\x02\x01\x00", b"\x0a\x01\x00"]
        numbers += [der(0x04, sha256(client_data)), b"\x04\x00", b"\x30\x00", b"\x30\x00"]
        known = extension("1.3.6.1.4.1.11129.2.1.17", der(0x30, b"".join(numbers)))
        own = certificate(ATTESTED, key, take(16), ROOT, [known])
        return {"alg": ES256, "sig": key.sign(message), "x5c": [own]}
    if kind == "apple":
        nonce = der(0x30, der(0xA1, der(0x04, sha256(message))))
        nonce = extension("1.2.840.113635.100.8.2", nonce)
        return {"x5c": [certificate(ATTESTED, key, take(16), ROOT, [nonce])]}
    own = Ecdsa(take(32))
    if kind == "tpm":
        return tpm(key, own, take, message)
    made = certificate(ATTESTED, own, take(16), ROOT)
    if kind == "fido-u2f":
        length = int.from_bytes(data[53:55], "big")
        message = b"\x00" + data[:32] + sha256(client_data) + data[55 : 55 + length]
        return {"sig": own.sign(message + b"\x04" + key.x + key.y), "x5c": [made]}
    return {"alg": ES256, "sig": own.sign(message), "x5c": [made]}


def tpm(key, own, take, message):
    """The structures TPMT_PUBLIC and TPMS_ATTEST of a made-up TPM."""

    def sized(content):
        return len(content).to_bytes(2, "big") + content

    public = bytes.fromhex("0023000b00040000000000100010000300100020") + key.x + sized(key.y)
    certified = bytes.fromhex("ff54434780170000") + sized(sha256(message))
    certified += bytes.fromhex("0000000000000000111111112222222233") + bytes(8)
    certified += sized(b"\x00\x0b" + sha256(public)) + sized(b"")
    identity = zip("123", ["id:00000000", "WebAuthn test vectors", "id:00000000"])
    identity = [x509.NameAttribute(x509.ObjectIdentifier(f"2.23.133.2.{n}"), v) for n, v in identity]
    identity = x509.Name([x509.RelativeDistinguishedName(identity)])
    extensions = [
        (x509.ExtendedKeyUsage([x509.ObjectIdentifier("2.23.133.8.3")]), False),
        (x509.SubjectAlternativeName([x509.DirectoryName(identity)]), True),
    ]
    made = certificate(x509.Name([]), own, take(16), ROOT, extensions)
    signature = own.sign(certified)
    statement = {"ver": "2.0", "alg": ES256, "x5c": [made], "sig": signature}
    return {**statement, "certInfo": certified, "pubArea": public}


def client_data(action, challenge, take, frame):
    members = {"type": "webauthn." + action, "challenge": text(challenge)}
    members |= {"origin": "https://example.org", "crossOrigin": frame != "no"}
    if frame == "top":
        members["topOrigin"] = "https://example.com"
    if take(1)[0] & 1:
        future = "clientDataJSON may be extended with additional fields in the future, such as this: "
        members["extraData"] = future + text(take(16))
    return json.dumps(members, separators=(",", ":")).encode()


def example(title, info, make_key, frame="no", id_length=32, challenge_length=32):
    """A registration, and a login with its key."""
    take, kind = values(info), info.split(".")[0]
    challenge = take(challenge_length)
    key = make_key(take)
    made = client_data("create", challenge, take, frame)
    aaguid, credential = take(16), take(id_length)
    flags = 0
    # An example of U2F has no such authenticator.
    if kind != "fido-u2f":
        flags = take(1)[0] & FLAGS
        flags &= FLAGS if flags & ELIGIBLE else VERIFIED
    party = sha256(b"example.org")
    data = party + bytes([flags | PRESENT | CREDENTIAL]) + bytes(4) + aaguid
    data += len(credential).to_bytes(2, "big") + credential + cbor.encode(key.cose())
    statement = attestation(kind, key, take, data, made)
    format_name = "packed" if kind == "packed-self" else kind
    attested = cbor.encode({"fmt": format_name, "attStmt": statement, "authData": data})
    second = take(challenge_length)
    asked = client_data("get", second, take, frame)
    later = take(1)[0] & (VERIFIED | BACKED_UP)
    later &= FLAGS if flags & ELIGIBLE else VERIFIED
    login = party + bytes([later | flags & ELIGIBLE | PRESENT]) + bytes(4)
    printed = {
        "credential_id": credential,
        "challenge": challenge,
        "client_data": made,
        "attestation_object": attested,
        "login_challenge": second,
        "authenticator_data": login,
        "login_client_data": asked,
        "signature": key.sign(login + sha256(asked)),
    }
    print(json.dumps({"title": title} | {name: value.hex() for name, value in printed.items()}))


def es256(take):
    return Ecdsa(take(32))


example("none-es256", "none.ES256", es256)
example("packed-self-es256", "packed-self.ES256", es256)
example("none-es256-crossOrigin", "none.ES256.crossOrigin", es256, frame="cross")
example("none-es256-topOrigin", "none.ES256.topOrigin", es256, frame="top")
example("none-es256-long-credential-id", "none.ES256.long-credential-id", es256, id_length=1023)
example("packed-es256", "packed.ES256", es256)
example("packed-es384", "packed.ES384", lambda take: Ecdsa(take(48), P384, -35))
example("packed-es512", "packed.ES512", lambda take: Ecdsa(take(65), P521, -36), challenge_length=128)
example("packed-rs256", "packed.RS256", lambda take: Rsa())
ed25519_key = ed25519.Ed25519PrivateKey.from_private_bytes
example("packed-eddsa", "packed.EdDSA", lambda take: Edwards(ed25519_key(take(32)), -8, 6))
ed448_key = ed448.Ed448PrivateKey.from_private_bytes
example("packed-ed448", "packed.Ed448", lambda take: Edwards(ed448_key(take(57)), -53, 7))
for kind in ("tpm", "android-key", "apple", "fido-u2f"):
    example(kind + "-es256", kind + ".ES256", es256)
