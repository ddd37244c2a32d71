"""A server that speaks the OpenAI protocol and plays scripted answers: no model, no account, no cost.

    server.py  →  conversation.py (what a request says)  →  choice.py (which answer of script.py)  →  bodies.py
               →  journal.py (what was asked and given)

`bin/opscore demo model` starts it for people; tests start it for themselves.  How a script is written:
docs/how-to/demo-model.md.
"""
