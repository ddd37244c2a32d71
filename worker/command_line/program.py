"""Every command, and what their exit codes mean."""

import click

from worker.command_line.agents import agent
from worker.command_line.budgets import budget, spend
from worker.command_line.chaos import chaos
from worker.command_line.demo import demo
from worker.command_line.emergency import release, stop_all
from worker.command_line.families import family
from worker.command_line.families import write as say
from worker.command_line.frame import Program
from worker.command_line.inbox import approve, inbox
from worker.command_line.local import doctor, link, status, token
from worker.command_line.models import model
from worker.command_line.playbooks import playbook
from worker.command_line.providers import provider
from worker.command_line.queues import queue
from worker.command_line.retention import retention
from worker.command_line.run import ask, run
from worker.command_line.sandboxes import sandbox
from worker.command_line.schedules import schedule
from worker.command_line.searches import search
from worker.command_line.services import service
from worker.command_line.tasks import task

CODES = """\b
Exit codes:
  0    it is done, and all is well
  1    the task failed, the playbook is wrong, the doctor found a problem
  2    the command or the installation's settings are wrong
  3    OpsCore is not running, or does not answer
  4    the server refused: there is no such thing, or it may not be done
  124  sandbox run: the time was up
  125  sandbox: this host cannot isolate, nothing was run
  130  interrupted
"""


@click.group(cls=Program, epilog=CODES, context_settings={"help_option_names": ["-h", "--help"]})
def program() -> None:
    """Run agents, watch them work, and look after this installation."""


for command in (
    run, ask, task, family, say, inbox, approve, schedule, retention, agent, provider, model, budget, spend, queue,
    stop_all, release, service, search, playbook, sandbox, status, doctor, token, link, demo, chaos,
):  # fmt: skip
    program.add_command(command)
