"""Every table there is: imported where the whole schema must be known."""

from models.agent import Agent, Worker
from models.event import Event
from models.run import Run
from models.sign_in import SignInLink
from models.step import Step
from models.task import Task
from models.workspace import Artifact, Upload, Workspace

TABLES = (Agent, Artifact, Event, Run, SignInLink, Step, Task, Upload, Worker, Workspace)
