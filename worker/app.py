"""The Celery app of workers: the shared one, plus what makes a worker an agent.

Options: subscription.py.  Registration and its beat: registration.py.  What it watches of its pool:
children.py.  Each process's database and logs: processes.py.
"""

from tasks.broker import celery_app
from worker import processes
from worker.children import Children
from worker.registration import Registration
from worker.subscription import add_options

app = celery_app()
add_options(app)
app.steps["worker"].update([Registration, Children])
processes.prepare(app)
