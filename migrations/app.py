"""The app of `flask --app migrations.app db …`: the database and nothing else."""

import settings
from models.database import bare_app

app = bare_app(settings.load())
