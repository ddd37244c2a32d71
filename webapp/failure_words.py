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
    "loop": ("Its model went round in circles", "See what it repeated; say more in the task, or choose another model."),
    "turns": ("Its model found no end", "Say when the task is done, or ask for less."),
    "bad_calls": ("Its model called tools wrongly", "Choose a model that is good at calling tools, then retry."),
    "promise_broken": ("What was promised was not there", "See what was missing; a retry goes on from there."),
    "gave_up": ("Its model gave up", "It says why; mend that, then retry."),
    "model_refused": ("A model refused", "Ask in other words, or choose another model."),
    "content_filtered": ("A provider's filter stopped an answer", "Ask in other words, or choose another model."),
    "model_unavailable": ("No model answered", "See why each one failed, then retry."),
    "budget_exceeded": ("A budget is used up", "Raise it or wait for the next day, then retry."),
    "price_unknown": ("A model has no price", "Say its price, or limit the tokens, then retry."),
    "network_refused": ("A host was not allowed", "Allow the host, or change what the step fetches."),
}


def of(code: str) -> tuple[str, str]:
    """A title and an advice for the code."""
    if code in KNOWN:
        return KNOWN[code]
    if limit := BY_FIELD.get(code):
        return f"A limit was reached: {limit.title.lower()}", "Raise the limit, or give the step less to do."
    return (code.replace("_", " ").capitalize() if code else "No reason was given"), "See the step and its output."
