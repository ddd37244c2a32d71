"""Why a call was not made, in words: which budget, which limit, and the way out.  Who refuses: budgets.py."""

from models.budget import Budget, BudgetKind
from models.errors import BudgetExceeded, PriceUnknown
from models.money import dollars
from models.spending import Need, standing

OPTIONS = {"tokens": "--tokens", "cost": "--cost", "calls": "--calls", "wall_ms": "--wall"}


def exceeded(budget: Budget, limit: str | None, need: Need, day: str, task_id: str | None) -> BudgetExceeded:
    """The error that says that the budget has no room for the need.  `limit` is None where room came meanwhile."""
    name = limit or "tokens"
    most, taken = getattr(budget, f"max_{name}") or 0, standing(budget, day)[name]
    if name == "wall_ms":
        fact = f"{whose(budget, task_id)} allows {amount(name, most)}, and they are over"
    else:
        wanted = amount(name, getattr(need, name))
        spent = f"{amount(name, taken)} are spent or reserved, and the call may take {wanted}"
        fact = f"{whose(budget, task_id)} allows {amount(name, most)}, {spent}"
    message = f"cannot make the next model call: {fact}; {_cure(budget, name)}"
    return BudgetExceeded(message, budget=budget.kind, name=budget.name, limit=name, most=most, taken=taken)


def unknown_price(model: str, limited: Budget | None) -> PriceUnknown:
    """The error that says that no limit can be kept without the model's price."""
    known = (
        f"say its price: bin/opscore model set {model} --input-price 0.15 --output-price 0.6 (dollars for a million)"
    )
    if limited is None:
        cure = f"{known}, or set a limit in tokens, such as bin/opscore budget set --day --tokens 1000000"
        return PriceUnknown(f"cannot call {model}: its price is unknown, and no budget limits its tokens; {cure}")
    cure = f"{known}, 0 where it costs nothing"
    message = f"cannot call {model}: its price is unknown, and {whose(limited, None)} limits money; {cure}"
    return PriceUnknown(message, budget=limited.kind, name=limited.name)


def too_much_for_child(budget: Budget, limit: str, wanted: int, left: int) -> BudgetExceeded:
    """The error that says that a child asks for more than its family has left."""
    message = (
        f"cannot delegate with a budget of {amount(limit, wanted)}: the budget of the task {budget.name} has "
        f"{amount(limit, left)} left; ask for less, or say nothing and share what is left"
    )
    return BudgetExceeded(message, budget=budget.kind, name=budget.name, limit=limit, left=left)


def whose(budget: Budget, task_id: str | None) -> str:
    """The budget, as a sentence names it; `task_id` is the task that asks."""
    match budget.kind:
        case BudgetKind.TASK if budget.name == task_id:
            return "the task's budget"
        case BudgetKind.TASK:
            return f"the budget of the task {budget.name}"
        case BudgetKind.AGENT:
            return f"today's budget of the agent {budget.name}"
        case _:
            return "today's budget of all tasks"


def amount(limit: str, number: int) -> str:
    """So much of that limit: `12,000 tokens`, `$0.25`, `3 calls`, `90 s`."""
    match limit:
        case "cost":
            return dollars(number)
        case "wall_ms":
            return f"{number / 1000:,.10g} s"
        case _:
            return f"{number:,} {limit if number != 1 else limit.removesuffix('s')}"


def _cure(budget: Budget, limit: str) -> str:
    option = OPTIONS[limit]
    match budget.kind:
        case BudgetKind.TASK:
            return f"raise it (bin/opscore budget set --task {budget.name} {option} …) and retry the task"
        case BudgetKind.AGENT:
            return f"wait for tomorrow (UTC) or raise it: bin/opscore budget set --agent {budget.name} {option} …"
        case _:
            return f"wait for tomorrow (UTC) or raise it: bin/opscore budget set --day {option} …"
