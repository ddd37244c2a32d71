"""How a language model works on a task: our own loop, in which each answer and each call of a tool is a durable step.

loop.py is the way through it; the conversation is rebuilt from the steps alone (record.py, conversation.py), so a run
that was killed goes on in the middle and asks nothing again that was answered.  Why not an agent of a library:
docs/decisions/0038-our-own-loop.md.  Only asking.py and conversation.py import the library, which is large: nothing
here is imported before a model plan is followed.
"""
