"""URLs that lead, or are meant to lead, to what no tenant may reach: more than three hundred."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

LOOPBACK = "127.0.0.1"
METADATA = "169.254.169.254"
DENIED_V4 = (
    LOOPBACK, "127.1.2.3", "127.255.255.254", "0.0.0.0", "0.1.2.3", METADATA, "169.254.0.1", "169.254.170.2",
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.255.1",
    "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.1", "192.0.0.192", "192.0.2.1", "198.18.0.1",
    "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
DENIED_V6 = (
    "::", "::1", "fe80::1", "fe80::1%25eth0", "fc00::1", "fd00::1", "fd00:ec2::254", "fd20:ce::254",
    "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1", "2001::1", "2002:7f00:1::", "2002:a9fe:a9fe::", "100::1",
    "64:ff9b:1::1", "3fff::1", "5f00::1", "::2", "::7f00:1", "0:0:0:0:0:0:0:1", "0000::0001",
)  # fmt: skip
WILDCARD_NAMES = ("nip.io", "sslip.io", "xip.io")


def hostile_urls() -> list[str]:
    """All of them, without repetition."""
    return list(dict.fromkeys(_all()))


def _all() -> Iterator[str]:
    for address in DENIED_V4:
        number = int(IPv4Address(address))
        parts = [int(part) for part in address.split(".")]
        yield f"https://{address}/mcp"
        yield f"http://{address}:8080/mcp"
        yield f"https://{number}/"
        yield f"https://{number:#x}/"
        yield f"https://0{number:o}/"
        yield "https://" + ".".join(f"0{part:o}" for part in parts) + "/"
        yield "https://" + ".".join(f"{part:#x}" for part in parts) + "/"
        yield f"https://{parts[0]}.{number & 0xFFFFFF}/"
        yield f"https://{parts[0]}.{parts[1]}.{number & 0xFFFF}/"
        yield f"https://[::ffff:{address}]/"
        yield f"https://[{IPv6Address((0xFFFF << 32) | number).compressed}]/"
        yield f"https://[64:ff9b::{address}]/"
        yield f"https://{address}./"
        for name in WILDCARD_NAMES:
            yield f"https://{address}.{name}/"
            yield f"https://{address.replace('.', '-')}.{name}/mcp"
    for address in DENIED_V6:
        yield f"https://[{address}]/mcp"
        yield f"http://[{address}]:9000/"
    yield from _tricks()


def _tricks() -> Iterator[str]:
    for host in ("localhost", "LOCALHOST", "localhost.", "a.localhost", "ip6-localhost", "metadata"):
        yield f"https://{host}/"
    for name in ("localtest.me", "metadata.google.internal", "rebind.example", "mixed.example", "v6.example"):
        yield f"https://{name}/"
    yield from (
        "https://user:pass@127.0.0.1/",
        "https://example.com@127.0.0.1/",
        "https://example.com:80@127.0.0.1/",
        "https://127.0.0.1@localhost/",
        "https://127.0.0.1\\@example.com/",
        "https://127.0.0.1#@example.com/",
        "https://127.0.0.1?@example.com/",
        "https://localhost%00.example.com/",
        "https://%31%32%37.0.0.1/",
        "https://127.0.0.1%2f@example.com/",
        "https://127。0。0。1/",
        "https://①②⑦.⓪.⓪.①/",
        "https://１２７.0.0.1/",
        "https://127.0.0.1\t/",
        "https://127.0.0\n.1/",
        " https://127.0.0.1/",
        "https://127.0.0.1 /",
        "https://127.0.0.1\x00/",
        "https:/127.0.0.1/",
        "https:127.0.0.1/",
        "//127.0.0.1/",
        "127.0.0.1/",
        "https:///127.0.0.1/",
        "https://",
        "https:///",
        "https://:80/",
        "https://[::1/",
        "https://::1/",
        "https://[::1]x/",
        "https://[::1]@example.com/",
        "https://[127.0.0.1]/",
        "https://[::ffff:127.1]/",
        "https://[v1.fe80::]/",
        "https://127.0.0.1:0/",
        "https://127.0.0.1:65536/",
        "https://127.0.0.1:-1/",
        "https://127.0.0.1:080/",
        "https://127.0.0.1:８０/",
        "https://127.0.0.1:80:80/",
        "https://0/",
        "https://0x/",
        "https://1.1/",
        "https://1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://0177.1/",
        "https://0x7f.1/",
        "https://127.0.0.1.0x1/",
        "https://1.2.3.4.5/",
        "https://256.1.1.1/",
        "https://127.00000000.0.1/",
        "https://-/",
        "https://-a.example/",
        "https://a..b/",
        "https://.a/",
        "https://*.example/",
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        "gopher://127.0.0.1:70/_x",
        "ftp://127.0.0.1/",
        "dict://127.0.0.1:11211/stat",
        "ldap://127.0.0.1/",
        "jar:https://127.0.0.1!/",
        "data:text/plain,x",
        "javascript:alert(1)",
        "unix:///var/run/docker.sock",
        "http+unix://%2Fvar%2Frun/",
        "ws://127.0.0.1/",
        "wss://127.0.0.1/",
        "tftp://127.0.0.1/",
        "sftp://127.0.0.1/",
        "netdoc:///etc/passwd",
        "s3://bucket/",
        "HTTPS://127.0.0.1/",
        "hTTp://127.0.0.1/",
        "https://127.0.0.1/%zz",
        "https://127.0.0.1/\u202e",
        "",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 130 + "example/",
        "https://x/" + "a" * 3000,
        "https://127.0.0.1;example.com/",
        "https://example.com&@127.0.0.1/",
        "https://127.0.0.1,example.com/",
        "https://{127.0.0.1}/",
        "https://127.0.0.1|/",
        "https://`id`.example/",
        "https://$(id).example/",
        "https://exa\u200bmple.localhost/",
        "https://lo\u00adcalhost/",
        "https://ⓛocalhost/",
        "https://ʟocalhost/",
    )
