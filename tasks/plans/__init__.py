"""What a task follows: playbooks, model plans, the templates, and all that must hold in them."""
