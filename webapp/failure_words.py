"""Why a task failed, by its error code: a title for the group, and what usually helps.

Codes come from models/errors.py, tools/limits.py and whoever ends a task; one that is not known here stands for itself.
"""

from tools.limits import BY_FIELD

KNOWN = {
    "exit_code": ("A program ended with an error", "See what it printed; mend its input or the playbook."),
    "tool_failed": ("A tool broke", "A retry often helps; the log of the worker says more."),
    "invalid_input": ("Something was handed in wrong", "Run it again with other inputs."),
    "lost": ("Its workers died", "Often memory: see the host, then retry."),
    "deadline": ("It was not done in time", "Retry opens it without the deadline that has passed."),
    "sandbox_unavailable": ("No sandbox", "See on the agent's page what its host lacks, then retry."),
    "service_unavailable": ("An outside service was away", "Retry when it answers again."),
    "not_found": ("Something was not there", "See which file or tool it named."),
    "forbidden": ("Something was not allowed", "See what it asked for."),
    "misconfigured": ("A setting is wrong", "Mend it, start OpsCore again, then retry."),
    "answered": ("A person gave it up", "Retry begins the step again."),
    "cut_off": ("It was cut off", "Retry goes on from there."),
    "network_refused": ("A host was not allowed", "Allow the host, or change what the step fetches."),
}


def of(code: str) -> tuple[str, str]:
    """A title and an advice for the code."""
    if code in KNOWN:
        return KNOWN[code]
    if limit := BY_FIELD.get(code):
        return f"A limit was reached: {limit.title.lower()}", "Raise the limit, or give the step less to do."
    return (code.replace("_", " ").capitalize() if code else "No reason was given"), "See the step and its output."
