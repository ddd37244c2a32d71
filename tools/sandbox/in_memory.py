"""How much may be in a sandbox's file systems in memory: parts of the call's memory, so that raising it raises them."""

from tools.contract import MIB, Limits

TMP_LEAST_BYTES, SHM_LEAST_BYTES = 64 * MIB, 16 * MIB
_TMP_SHARE, _SHM_SHARE = 8, 32


def tmp_bytes(limits: Limits) -> int:
    """Most in the folder for temporary files."""
    return max(limits.memory_bytes // _TMP_SHARE, TMP_LEAST_BYTES)


def shm_bytes(limits: Limits) -> int:
    """Most in /dev/shm."""
    return max(limits.memory_bytes // _SHM_SHARE, SHM_LEAST_BYTES)
