"""How a language model works on a task: our own loop, in which each answer and each call of a tool is a durable step.

loop.py is the way through it; the conversation is rebuilt from the steps alone (record.py, conversation.py), so a run
that was killed goes on in the middle and asks nothing again that was answered.  Why not an agent of a library:
docs/decisions/0038-our-own-loop.md.  Four modules import the library, which is large: asking.py, servers.py,
failures.py, conversation.py.  Of all of these only record.py is imported before a model plan is followed.
"""
