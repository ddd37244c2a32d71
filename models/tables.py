"""Every table there is: imported where the whole schema must be known."""

from models.agent import Agent, Worker
from models.approval import Approval
from models.budget import Budget, Spend
from models.event import Event
from models.leadership import Leadership
from models.plan import Plan
from models.provider import LanguageModel, Provider
from models.queue import Queue
from models.retention import Retention
from models.run import Run
from models.schedule import Firing, Schedule
from models.search_query import SearchQuery
from models.service import Service
from models.shared_file import SharedFile
from models.sign_in import SignInLink
from models.step import Step
from models.task import Task
from models.workspace import Artifact, Upload, UploadUse, Workspace

TABLES = (
    Agent, Approval, Artifact, Budget, Event, Firing, LanguageModel, Leadership, Plan, Provider, Queue, Retention, Run,
    Schedule, SearchQuery, Service, SharedFile, SignInLink, Spend, Step, Task, Upload, UploadUse, Worker, Workspace,
)  # fmt: skip
