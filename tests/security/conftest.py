"""The box of these suites."""

from tests.support.sandboxed import box, chosen, tool_env

__all__ = ["box", "chosen", "tool_env"]
