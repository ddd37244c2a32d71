"""Attacks that code inside the sandbox tries; test_attacks.py runs them.

Each is Python that defines `attack(host)` and returns whether it got through; `host` (test_attacks.py) names what
there is to get.  An attack counts because the same code gets through without the sandbox, run as the user that
we are; where that cannot be shown, `not_shown` says why.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Attack:
    """One attempt, of one of the kinds files, processes, network, kernel."""

    name: str
    kind: str
    code: str
    not_shown: str = ""


ATTACKS = (
    Attack(
        "read a file of the host by its path",
        "files",
        "def attack(host): return host['secret'] in open(host['secret_path']).read()",
    ),
    Attack(
        "read a file of the host through a link in the workspace",
        "files",
        """
def attack(host):
    link = f"link-{os.getpid()}"
    os.symlink(host['secret_path'], link)
    try:
        return host['secret'] in open(link).read()
    finally:
        os.unlink(link)
""",
    ),
    Attack(
        "read a file of the host through the root of any process",
        "files",
        """
def attack(host):
    for pid in ['self', 'thread-self', *filter(str.isdigit, os.listdir('/proc'))]:
        try:
            if host['secret'] in open(f"/proc/{pid}/root{host['secret_path']}").read():
                return True
        except OSError:
            pass
""",
    ),
    Attack(
        "read a neighbour's workspace",
        "files",
        """
def attack(host):
    name = os.path.basename(host['neighbour'])
    for path in (host['neighbour'], f'../{name}', f'/workspace/../{name}'):
        if os.path.exists(f'{path}/neighbours.txt'):
            return True
""",
    ),
    Attack(
        "reach the host through descriptors left open",
        "files",
        """
def attack(host):
    for number in range(3, 256):
        try:
            os.stat(f'..{host["secret_path"]}', dir_fd=number)
            return True
        except OSError:
            pass
""",
        not_shown="a well-behaved parent leaves none open outside either",
    ),
    Attack(
        "write to the system, its devices or the tool environment",
        "files",
        """
def attack(host):
    for folder in ('/', '/usr', '/usr/bin', '/etc', '/dev', '/opt', '/opt/tools', '/run', sys.base_prefix):
        try:
            os.close(os.open(f'{folder}/opscore-attack', os.O_CREAT | os.O_WRONLY))
            os.unlink(f'{folder}/opscore-attack')
            return True
        except OSError:
            pass
""",
        not_shown="an ordinary user cannot outside either, and as root it would write there",
    ),
    Attack(
        "change a file of the system that is there",
        "files",
        """
def attack(host):
    for path in ('/etc/passwd', '/etc/hosts', sys.executable, os.__file__):
        try:
            os.close(os.open(path, os.O_WRONLY))
            return True
        except OSError:
            pass
""",
        not_shown="an ordinary user cannot outside either",
    ),
    Attack(
        "make a device",
        "files",
        """
def attack(host):
    os.mknod('disk', 0o600 | stat.S_IFBLK, os.makedev(8, 0))
    return True
""",
        not_shown="only root can outside, and would leave a device behind",
    ),
    Attack(
        "find the worker's secrets in an environment",
        "processes",
        """
def attack(host):
    if host['environment_secret'] in str(os.environ):
        return True
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if host['environment_secret'].encode() in open(f'/proc/{pid}/environ', 'rb').read():
                return True
        except OSError:
            pass
""",
    ),
    Attack(
        "see a process of the host",
        "processes",
        "def attack(host): return any(host['marker'] in words(pid) for pid in os.listdir('/proc') if pid.isdigit())",
    ),
    Attack(
        "signal a process of the host",
        "processes",
        """
def attack(host):
    os.kill(host['victim'], signal.SIGCONT)
    return host['marker'] in words(host['victim'])
""",
    ),
    Attack(
        "read the memory of a process of the host",
        "processes",
        """
def attack(host):
    with open(f"/proc/{host['victim']}/maps") as maps:
        return bool(maps.read())
""",
    ),
    Attack(
        "signal every process there is",
        "processes",
        """
def attack(host):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(-1, signal.SIGTERM)
    return False
""",
        not_shown="outside it would end the tests; that they go on is the proof",
    ),
    Attack(
        "connect to a server on the host's loopback",
        "network",
        """
def attack(host):
    return socket.create_connection(('127.0.0.1', host['port']), 2).recv(9) == b'hello'
""",
    ),
    Attack(
        "connect to a socket of the host by its path",
        "network",
        """
def attack(host):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(host['socket_path'])
        return client.recv(9) == b'hello'
""",
    ),
    Attack(
        "connect to an abstract socket of the host",
        "network",
        r"""
def attack(host):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect('\0' + host['abstract'])
        return client.recv(9) == b'hello'
""",
    ),
    Attack(
        "have an interface besides the own loopback",
        "network",
        "def attack(host): return len(socket.if_nameindex()) > 1",
        not_shown="a test host may have no network either",
    ),
    Attack(
        "send to the outside",
        "network",
        """
def attack(host):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b'x', ('192.0.2.1', 9))
        return True
""",
        not_shown="a test host may have no network either",
    ),
    Attack(
        "open a raw socket",
        "network",
        """
def attack(host):
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    return True
""",
        not_shown="an ordinary user cannot outside either",
    ),
    Attack(
        "make a user namespace, and be root in it",
        "kernel",
        """
def attack(host):
    return libc.unshare(0x10000000) == 0
""",
        not_shown="some hosts forbid it outside too; that the sandbox itself was made shows that ours does not",
    ),
    Attack(
        "mount a file system",
        "kernel",
        """
def attack(host):
    os.mkdir('mnt')
    return libc.mount(b'tmpfs', b'/workspace/mnt', b'tmpfs', 0, None) == 0
""",
        not_shown="only root can outside, and would leave it mounted",
    ),
    Attack(
        "make the read-only system writable again",
        "kernel",
        """
def attack(host):
    remount, bind = 0x20, 0x1000
    return any(libc.mount(None, path, None, remount | bind, None) == 0 for path in (b'/', b'/usr', b'/dev'))
""",
        not_shown="only root can outside, and would change its mounts",
    ),
    Attack(
        "become root through a program with the setuid bit",
        "kernel",
        """
def attack(host):
    for folder in ('/usr/bin', '/usr/sbin', '/bin'):
        for name in os.listdir(folder):
            path = f'{folder}/{name}'
            if os.path.exists(path) and os.stat(path).st_mode & stat.S_ISUID and os.stat(path).st_uid == 0:
                return True  # seen as root's: the id mapping would let it act as root
""",
        not_shown="what is looked at is how the sandbox maps ids",
    ),
    Attack(
        "gain capabilities or another uid",
        "kernel",
        """
def attack(host):
    for gain in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.chroot('/tmp')):
        try:
            gain()
            return True
        except OSError:
            pass
""",
        not_shown="an ordinary user cannot outside either",
    ),
    Attack(
        "raise a limit",
        "kernel",
        """
def attack(host):
    import resource
    for limit in (resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_DATA, resource.RLIMIT_CORE):
        try:
            resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            return True
        except (OSError, ValueError):
            pass
""",
        not_shown="there is no lower limit outside",
    ),
    Attack(
        "write to the kernel's settings",
        "kernel",
        """
def attack(host):
    for path in ('/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/proc/sys/vm/drop_caches', '/proc/kcore'):
        try:
            os.close(os.open(path, os.O_WRONLY))
            return True
        except OSError:
            pass
""",
        not_shown="an ordinary user cannot outside either",
    ),
    Attack(
        "rename the host",
        "kernel",
        """
def attack(host):
    socket.sethostname('owned')
    return True
""",
        not_shown="only root can outside, and it would be renamed",
    ),
    Attack(
        "share memory with the host",
        "kernel",
        """
def attack(host):
    return libc.shmget(host['shared_memory'], 0, 0o666) != -1
""",
    ),
)
