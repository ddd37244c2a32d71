"""A console on which no text steers the terminal: what a program or a stranger wrote comes out as plain characters.

Colours and links are styles, which only our own code sets; every text passes here, so no command can forget it.
"""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from tools.terminal_text import harmless


class SafeConsole(Console):
    """Rich's console, with the control characters taken out of every text."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The renderable as segments, each text harmless; Rich's own control codes are no text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text).replace("\r", ""), segment.style)
