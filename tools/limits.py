"""The limits of a call: their names for people, which of several levels wins, and what is said when one is hit.

The tightest wins, and each limit remembers who set it.  Amounts as people write them: quantities.py; what a call is
handed: `Limits` in contract.py; which levels a step has: tasks/runs/limits.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from models.errors import InvalidInput, Problem
from tools import quantities
from tools.contract import MIB, Limits, Tool
from tools.quantities import Measure

Values = Mapping[str, float]
"""Limits by their names for people, in seconds, bytes or pieces."""
Source = Literal["installation", "tool", "template", "playbook", "step", "agent", "task", "option"]
"""Who may set a limit; `option` is --timeout of `sandbox run`."""


@dataclass(frozen=True)
class Kind:
    """One kind of limit: `name` is what people write, `field` the one of `Limits`; less than `least` runs nothing."""

    name: str
    field: str
    title: str
    noun: str
    measure: Measure
    least: float

    @property
    def setting(self) -> str:
        """The variable that sets it for the whole installation."""
        return f"OPSCORE_STEP_{self.field.upper()}"

    def shown(self, value: float) -> str:
        """The value as people write it."""
        return quantities.shown(value, self.measure)


KINDS = (
    Kind("wall", "wall_s", "Time", "Time", Measure.SECONDS, 0.1),
    Kind("cpu", "cpu_s", "CPU time", "CPU time", Measure.SECONDS, 0.1),
    Kind("memory", "memory_bytes", "Memory", "Memory", Measure.BYTES, 32 * MIB),
    Kind("processes", "processes", "Processes", "Process", Measure.COUNT, 8),
    Kind("file_size", "file_bytes", "Size of a file", "File size", Measure.BYTES, 4096),
    Kind("files", "workspace_files", "Files in the workspace", "File count", Measure.COUNT, 16),
    Kind("workspace", "workspace_bytes", "Size of the workspace", "Workspace size", Measure.BYTES, MIB),
    Kind("written", "written_bytes", "Written to disk", "Disk write", Measure.BYTES, MIB),
    Kind("output", "output_bytes", "Output", "Output", Measure.BYTES, 1024),
    Kind("network", "network_bytes", "Network, both ways", "Network", Measure.BYTES, 1024),
)
BY_NAME = {kind.name: kind for kind in KINDS}
BY_FIELD = {kind.field: kind for kind in KINDS}
_WHO = {source: f"the {source}" for source in ("installation", "tool", "template", "playbook", "step", "agent", "task")}


@dataclass(frozen=True)
class Limit:
    """A limit in force; where several levels set the same value, `set_by` has all of them."""

    kind: Kind
    value: float
    set_by: tuple[str, ...]

    @property
    def shown(self) -> str:
        return self.kind.shown(self.value)

    @property
    def who(self) -> str:
        """`the template`, `the agent and the task`."""
        return _listed([_WHO.get(source, source) for source in self.set_by])

    @property
    def cure(self) -> str:
        """What raises it."""
        return _listed([_cure(self.kind, source) for source in self.set_by])

    @property
    def reached(self) -> str:
        """What people read when it was hit."""
        if self.set_by == ("option",):
            return f"Stopped after {self.shown}: the time-out (--timeout) was reached"
        return f"{self.kind.noun} limit reached: {self.shown}, set by {self.who}; {self.cure}"


@dataclass(frozen=True)
class Effective:
    """The limits of one call, each with who set it."""

    all: tuple[Limit, ...]

    @property
    def limits(self) -> Limits:
        """What the call is handed."""
        return Limits(**{each.kind.field: each.value for each in self.all})  # type: ignore[arg-type]

    def of(self, field: str) -> Limit:
        """The limit behind a field of `Limits`, which is how a result names what it hit."""
        return next(each for each in self.all if each.kind.field == field)

    def as_dict(self) -> dict[str, Any]:
        """For a row: `{"memory": {"value": 536870912, "set_by": ["template"]}}`."""
        return {each.kind.name: {"value": each.value, "set_by": list(each.set_by)} for each in self.all}


def kept(row: Mapping[str, Any]) -> tuple[Limit, ...]:
    """The limits that `as_dict` wrote; those of names that are not known any more are left out."""
    return tuple(
        Limit(kind, row[name]["value"], tuple(row[name]["set_by"])) for name, kind in BY_NAME.items() if name in row
    )


def tightest(levels: Iterable[tuple[Source, Values]]) -> Effective:
    """The least value of each kind over all levels; a kind that no level names has the default of `Limits`."""
    given = list(levels)
    return Effective(tuple(_tightest(kind, given) for kind in KINDS))


def _tightest(kind: Kind, levels: Iterable[tuple[str, Values]]) -> Limit:
    found = [(values[kind.name], source) for source, values in levels if kind.name in values]
    found = found or [(defaults()[kind.name], "installation")]
    least = min(value for value, _ in found)
    return Limit(kind, least, tuple(dict.fromkeys(source for value, source in found if value == least)))


def defaults() -> dict[str, float]:
    """What holds where nobody set anything."""
    return {kind.name: getattr(Limits(), kind.field) for kind in KINDS}


def of_tool(tool: Tool) -> dict[str, float]:
    """The tool's own limits: those in which it differs from `Limits()`; the others it leaves to the installation."""
    return {
        kind.name: value
        for kind in KINDS
        if (value := getattr(tool.limits, kind.field)) != getattr(Limits(), kind.field)
    }


def read(given: Mapping[str, Any], path: str = "limits") -> dict[str, float]:
    """The limits as somebody wrote them, in numbers; None and "" set none.

    Raises:
        InvalidInput: one problem for each limit that is wrong, with the cure.
    """
    if found := problems(given, path):
        raise InvalidInput("cannot use these limits", problems=found)
    written = {name: value for name, value in given.items() if not _is_unset(value)}
    return {name: quantities.read(value, BY_NAME[name].measure) for name, value in written.items()}


def problems(given: Mapping[str, Any], path: str = "limits") -> list[Problem]:
    """What is wrong with limits as somebody wrote them; empty when nothing is."""
    found = ((name, _problem(name, value)) for name, value in given.items())
    return [Problem(path=f"{path}.{name}", line=None, message=message) for name, message in found if message]


def _problem(name: str, value: object) -> str:
    kind = BY_NAME.get(name)
    if kind is None:
        return f"there is no limit {name}; there are {', '.join(BY_NAME)}"
    if _is_unset(value):
        return ""
    try:
        amount = quantities.read(value, kind.measure)
    except ValueError as error:
        return f"{_quoted(value)} is no {'size' if kind.measure is Measure.BYTES else 'limit'}: {error}"
    return f"is too low to run anything: {kind.shown(kind.least)} or more" if amount < kind.least else ""


def _is_unset(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _quoted(value: object) -> str:
    text = str(value)
    return f"“{text if len(text) <= 40 else f'{text[:39]}…'}”"


def _cure(kind: Kind, source: str) -> str:
    cures = {
        "installation": f"raise {kind.setting}",
        "tool": "the tool sets it itself and nothing raises it",
        "template": f"raise limits.{kind.name} in the playbook",
        "playbook": f"raise limits.{kind.name} in the playbook",
        "step": f"raise limits.{kind.name} of this step in the playbook",
        "agent": f"raise {kind.name} in the agent's limits",
        "task": f"hand the task in again with a higher limit {kind.name}",
    }
    return cures.get(source, "raise --timeout")


def _listed(texts: list[str]) -> str:
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
