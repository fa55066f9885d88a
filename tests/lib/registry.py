"""A provider registry of our own for tests: the protocol of Terraform's, over TLS, with packages signed as OpenPGP wants
it. Who asks without the token is told 401, unless the registry is open to all."""

import base64
import hashlib
import io
import json
import os
import re
import struct
import subprocess
import urllib.parse
import zipfile

import tls_place

CREATED = 1700000000


# ---- signatures: RFC 4880, as much of it as a signed list of sums needs ----

def _packet(tag, body):
    return bytes([0xC0 | tag, 0xFF]) + struct.pack(">I", len(body)) + body


def _number(value):
    return struct.pack(">H", value.bit_length()) + value.to_bytes((value.bit_length() + 7) // 8, "big")


def _crc24(data):
    crc = 0xB704CE
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return crc & 0xFFFFFF


class Signer:
    """An RSA key with a name, and what it signs."""

    def __init__(self, folder):
        self.key = os.path.join(folder, "signer.key")
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, stderr=subprocess.DEVNULL)
        modulus = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, text=True).stdout.split("=")[1]
        self.body = b"\x04" + struct.pack(">IB", CREATED, 1) + _number(int(modulus, 16)) + _number(65537)
        framed = b"\x99" + struct.pack(">H", len(self.body)) + self.body
        self.id = hashlib.sha1(framed).digest()[-8:]
        name = b"a signer of a test"
        own = self._signature(0x13, framed + b"\xb4" + struct.pack(">I", len(name)) + name, b"\x02\x1b\x03")
        self.public = self._armor(_packet(6, self.body) + _packet(13, name) + own)

    @staticmethod
    def _armor(data):
        text = base64.b64encode(data).decode()
        lines = "\n".join(text[i:i + 64] for i in range(0, len(text), 64))
        return "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n%s\n=%s\n-----END PGP PUBLIC KEY BLOCK-----\n" % (
            lines, base64.b64encode(struct.pack(">I", _crc24(data))[1:]).decode())

    def _signature(self, kind, data, more=b""):
        said = b"\x05\x02" + struct.pack(">I", CREATED) + more
        head = bytes([4, kind, 1, 8]) + struct.pack(">H", len(said)) + said
        whole = data + head + b"\x04\xff" + struct.pack(">I", len(head))
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=whole, check=True,
                                stdout=subprocess.PIPE).stdout
        issuer = b"\x09\x10" + self.id
        return _packet(2, head + struct.pack(">H", len(issuer)) + issuer + hashlib.sha256(whole).digest()[:2] +
                       _number(int.from_bytes(signed, "big")))

    def sign(self, data):
        return self._signature(0x00, data)


# ---- the registry ----

class Registry(tls_place.TlsPlace):
    def __init__(self, folder, is_open=True):
        super().__init__(folder)
        self.is_open, self.signer, self.packages = is_open, Signer(folder), {}
        self.files["/.well-known/terraform.json"] = json.dumps({"providers.v1": "/v1/providers/"}).encode()

    def lets_in(self, given, path):
        """Files are behind addresses that nobody guesses, as with the registries that there are."""
        return self.is_open or path.startswith("/files/") or given == "Bearer " + self.token

    def source(self, name):
        return "%s/%s" % (self.host, name)

    def offer(self, name, version, archive, sums=None):
        """A package NAMESPACE/TYPE; offered again it is another one under the same name and version."""
        kind = name.split("/")[1]
        base = "terraform-provider-%s_%s" % (kind, version)
        file = "%s_linux_amd64.zip" % base
        sums = sums or ("%s  %s\n" % (hashlib.sha256(archive).hexdigest(), file)).encode()
        self.packages.setdefault(name, [])
        if version not in self.packages[name]:
            self.packages[name].append(version)
        at = "/v1/providers/%s" % name
        about = {"protocols": ["5.0"], "os": "linux", "arch": "amd64", "filename": file, "download_url": "/files/" + file,
                 "shasums_url": "/files/%s_SHA256SUMS" % base, "shasums_signature_url": "/files/%s_SHA256SUMS.sig" % base,
                 "shasum": hashlib.sha256(archive).hexdigest(),
                 "signing_keys": {"gpg_public_keys": [{"key_id": self.signer.id.hex().upper(), "ascii_armor": self.signer.public}]}}
        self.files.update({
            at + "/versions": json.dumps({"versions": [
                {"version": one, "protocols": ["5.0"], "platforms": [{"os": "linux", "arch": "amd64"}]}
                for one in self.packages[name]]}).encode(),
            "%s/%s/download/linux/amd64" % (at, version): json.dumps(about).encode(),
            "/files/" + file: archive,
            "/files/%s_SHA256SUMS" % base: sums,
            "/files/%s_SHA256SUMS.sig" % base: self.signer.sign(sums)})

    def asked(self, pattern):
        """What was asked for, and with which authority."""
        return [(urllib.parse.urlsplit(seen[1]).path, seen[2].get("Authorization")) for seen in self.seen
                if re.search(pattern, seen[1])]


def package(files):
    """A provider's archive: {name: bytes}, each of them a program."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr, entry.compress_type = 0o755 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, content, compresslevel=1)
    return out.getvalue()
