"""drill.nothing: a call that does nothing at all, so that what is measured is what OpsCore itself costs."""

from tools.contract import Arguments, Context, Effect, Tool, ToolResult, Values


class Nothing(Tool):
    """Do nothing."""

    name = "drill.nothing"
    purpose = "For exercises and measurements: do nothing, well."
    effect = Effect.PURE
    uses_workspace = False
    Input = Arguments
    Output = Values

    def run(self, call: Arguments, context: Context) -> ToolResult:
        return ToolResult()
