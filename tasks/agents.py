"""Change what an agent may do: its limits, with an event on its timeline that says who and what.

Who an agent is and that it lives is written by its workers: worker/registration.py.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from models.agent import Agent
from models.database import writing
from models.errors import NotFound
from tasks.timeline import record_of_agent
from tools import limits


def change_limits(name: str, given: Mapping[str, Any]) -> None:
    """Set these of the agent's limits, as people write them; None or "" takes one away, the others stay.

    They count from the next step on that it begins.  Runs within `acting(…)`.

    Raises:
        InvalidInput: one problem for each limit that is wrong.
        NotFound: there is no such agent.
    """
    wanted = limits.read(given)
    with writing() as session:
        # Locked: of two changes at the same time the second must see the first.
        agent = session.scalars(select(Agent).where(Agent.name == name).with_for_update()).one_or_none()
        if agent is None:
            raise NotFound("cannot find the agent", agent=name)
        before = dict(agent.limits)
        after = {key: value for key, value in before.items() if key not in given} | wanted
        if after == before:
            return
        changed = update(Agent).where(Agent.id == agent.id).values(limits=after, version=Agent.version + 1)
        session.execute(changed.execution_options(synchronize_session=False))
        record_of_agent(session, agent.id, "agent.limits_changed", before=before, after=after)
