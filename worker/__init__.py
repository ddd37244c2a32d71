"""Who runs it: the Celery app, what makes a worker an agent, the reconciler, and the installation.

`celery -A worker worker --agent NAME --complexity 4-7` finds `app` here.
"""

from worker.app import app

__all__ = ["app"]
