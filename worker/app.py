"""The Celery app of workers: the shared one, plus what makes a worker an agent.

Options: subscription.py.  Registration and its beat: registration.py.  Each process's
database and logs: processes.py.
"""

from tasks.broker import celery_app
from worker import processes
from worker.registration import Registration
from worker.subscription import add_options

app = celery_app()
add_options(app)
app.steps["worker"].add(Registration)
processes.prepare(app)
