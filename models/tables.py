"""Every table there is: imported where the whole schema must be known."""

from models.agent import Agent, Worker
from models.event import Event
from models.leadership import Leadership
from models.plan import Plan
from models.queue import Queue
from models.retention import Retention
from models.run import Run
from models.schedule import Firing, Schedule
from models.service import Service
from models.sign_in import SignInLink
from models.step import Step
from models.task import Task
from models.workspace import Artifact, Upload, UploadUse, Workspace

TABLES = (
    Agent, Artifact, Event, Firing, Leadership, Plan, Queue, Retention, Run, Schedule, Service, SignInLink, Step, Task,
    Upload, UploadUse, Worker, Workspace,
)  # fmt: skip
