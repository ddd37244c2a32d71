"""Find the tools: every `Tool` subclass in a module below `tools/` is one.

Adding a tool is adding a file; nothing is listed anywhere.  The contract: contract.py.
"""

import importlib
import inspect
import pkgutil
from functools import cache

import tools
from models.errors import Misconfigured, NotFound
from tools.contract import Tool


def find(name: str) -> Tool:
    """The tool of that name ("python.run").

    Raises:
        NotFound: there is none; the details list those that there are.
    """
    for tool in all_tools():
        if tool.name == name:
            return tool
    raise NotFound("cannot find the tool", name=name, known=sorted(tool.name for tool in all_tools()))


@cache
def all_tools() -> tuple[Tool, ...]:
    """Every tool, by name.

    Raises:
        Misconfigured: two tools have one name.
    """
    found = [kind() for module in _modules() for kind in _tools_of(module)]
    names = [tool.name for tool in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Misconfigured("cannot tell two tools apart: they have one name", names=twice)
    return tuple(sorted(found, key=lambda tool: tool.name))


def _modules() -> list[str]:
    return [module.name for module in pkgutil.walk_packages(tools.__path__, prefix="tools.")]


def _tools_of(module_name: str) -> list[type[Tool]]:
    module = importlib.import_module(module_name)
    kinds = inspect.getmembers(module, lambda thing: inspect.isclass(thing) and issubclass(thing, Tool))
    return [kind for _, kind in kinds if kind.__module__ == module_name and not inspect.isabstract(kind)]
