"""Where the kernel shows control groups, and which of them this process is in; for cgroup_v1.py and cgroup_v2.py."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mounts:
    """The texts of /proc/self/mountinfo and /proc/self/cgroup."""

    mountinfo: str
    cgroup: str

    @classmethod
    def of_this_process(cls) -> "Mounts":
        """As they are now; without control groups there is nothing in the second."""
        mountinfo, cgroup = Path("/proc/self/mountinfo"), Path("/proc/self/cgroup")
        return cls(mountinfo.read_text(encoding="utf-8"), cgroup.read_text("utf-8") if cgroup.exists() else "")

    def own(self, controller: str) -> Path | None:
        """The folder of our group for that controller of version 1, or for "" of version 2; None if it is not shown."""
        within = self._within(controller)
        for root, mounted, kind, options in self._shown():
            right_kind = kind == ("cgroup" if controller else "cgroup2")
            if within is None or not right_kind or (controller and controller not in options.split(",")):
                continue
            # Where a container is shown only its own groups, paths of others lead up and out.
            if ".." not in Path(within).parts and Path(within).is_relative_to(root):
                return Path(mounted) / Path(within).relative_to(root)
        return None

    def _within(self, controller: str) -> str | None:
        """Our group's path in the hierarchy of that controller."""
        for line in self.cgroup.splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                return path
        return None

    def _shown(self) -> list[tuple[str, str, str, str]]:
        """Root, place, kind and options of each file system of control groups."""
        lines = [line.split() for line in self.mountinfo.splitlines()]
        parts = [(words[:6], words[words.index("-") + 1 :]) for words in lines]
        return [(left[3], left[4], right[0], right[2]) for left, right in parts if right[0].startswith("cgroup")]
