"""The app of `flask --app migrations.app db …`: the database and nothing else."""

import settings
from models.database import migrating_app

app = migrating_app(settings.load())
