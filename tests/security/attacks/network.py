"""Attacks that talk to the host or to the outside without leave."""

import fcntl
import os
import socket
import struct

from tests.security.attacks.attack import attack
from tests.security.attempt import any_of, greets

ROUTE = "a test host may have no network either"


@attack("connect to a server on the host's loopback")
def loopback(host):
    return greets(socket.socket(), ("127.0.0.1", host.port))


@attack("connect to a server on the host by another of its addresses")
def other_addresses(host):
    return any_of(*(lambda a=each: greets(socket.socket(), (a, host.port)) for each in ("0.0.0.0", "127.0.0.1")))


@attack("connect to a server on the host's loopback over IPv6", may_lack="a host without IPv6")
def loopback_six(host):
    return host.port6 > 0 and greets(socket.socket(socket.AF_INET6), ("::1", host.port6))


@attack("connect to a server on the host by an IPv4 address in IPv6's clothes", may_lack="a host without IPv6")
def mapped(host):
    return greets(socket.socket(socket.AF_INET6), ("::ffff:127.0.0.1", host.port))


@attack("connect to a server on the host with the first data: no connect is called")
def fast_open(host):
    with socket.socket() as client:
        client.sendto(b"x", 0x20000000, ("127.0.0.1", host.port))
        return client.recv(9) == b"hello"


@attack("connect to a server on the host over many paths at once", may_lack="a kernel without MPTCP")
def many_paths(host):
    return greets(socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262), ("127.0.0.1", host.port))


@attack("ask a server on the host by single packets, as for a name")
def packets(host):
    return greets(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), ("127.0.0.1", host.udp_port))


@attack("connect to a socket of the host by its path")
def unix_path(host):
    return greets(socket.socket(socket.AF_UNIX), host.socket_path)


@attack("connect to a socket of the host by a link to it")
def unix_link(host):
    os.symlink(host.socket_path, "link")
    return greets(socket.socket(socket.AF_UNIX), "link")


@attack("send a packet to a socket of the host by its path")
def unix_packet(host):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.bind(os.path.abspath("back"))
        return greets(client, host.datagram_path)


@attack("send a packet to a socket of the host from a pair that is not connected to it")
def unix_pair(host):
    ours, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return ours.sendto(b"x", host.datagram_path) == 1


@attack("connect to an abstract socket of the host")
def unix_abstract(host):
    return greets(socket.socket(socket.AF_UNIX), "\0" + host.abstract)


@attack("be called from the host")
def be_called(host):
    server = socket.create_server(("127.0.0.1", host.called_port))
    server.settimeout(1.5)
    return server.accept()[0].recv(9) == b"hello"


@attack("be called at a socket in a folder of the host")
def be_called_at_path(host):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{host.drop}/server")
    os.unlink(f"{host.drop}/server")
    return True


@attack("have an interface besides the own loopback", not_shown=ROUTE)
def interface(host):
    return len(socket.if_nameindex()) > 1


@attack("send to the outside", not_shown=ROUTE)
def outside(host):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", ("192.0.2.1", 9))
        return True


@attack("send to the outside over IPv6", not_shown=ROUTE)
def outside_six(host):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", ("2001:db8::1", 9))
        return True


@attack("call the computer's management service", not_shown="only hosts in a cloud have one")
def metadata(host):
    return socket.create_connection(("169.254.169.254", 80), 1)


@attack("open a raw socket", shown_by="root")
def raw(host):
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


@attack("listen to all packets", shown_by="root", may_lack="a kernel without packet sockets")
def packet(host):
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW)


@attack("open a socket to the machine that runs this one", may_lack="a kernel without vsock")
def vsock(host):
    return socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)


@attack("talk to the kernel's network settings")
def netlink(host):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as client:
        client.bind((0, 0))
        client.send(struct.pack("IHHII4x", 20, 18, 0x301, 1, 0))
        said = client.recv(65536)
        # Type 16 names an interface; in a namespace of its own the loopback is the only one, and is nobody's.
        return struct.unpack_from("H", said, 4)[0] == 16 and len(os.listdir("/sys/class/net")) > 0


@attack("use the kernel's ciphers", may_lack="a kernel without them")
def ciphers(host):
    with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as client:
        client.bind(("hash", "sha256"))
        return True


@attack("open a socket of a family that nobody needs", may_lack="a kernel without any of them")
def rare_families(host):
    common = {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_ALG, socket.AF_VSOCK}
    kinds = (socket.SOCK_RAW, socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_SEQPACKET)
    rare = [family for family in range(1, 46) if family not in common]
    return any_of(*(lambda f=family, k=kind: socket.socket(f, k) for family in rare for kind in kinds))


@attack("open a socket of a rare protocol", may_lack="a kernel without any of them")
def rare_protocols(host):
    return any_of(
        lambda: socket.socket(socket.AF_INET, socket.SOCK_SEQPACKET, 132),
        lambda: socket.socket(socket.AF_INET, 6, 33),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136) and False,
    )


@attack("change the own interfaces and routes", shown_by="root")
def routes(host):
    with socket.socket() as client:
        fcntl.ioctl(client, 0x8914, struct.pack("16sH14x", b"lo", 0x1))
        return True


@attack("make a way out of the sandbox: a tunnel", shown_by="root", may_lack="a host without /dev/net/tun")
def tunnel(host):
    return os.open("/dev/net/tun", os.O_RDWR) > 0
