"""What an agent may do: the contract, the sandbox, the workspace, and one module or folder per tool.

Start with contract.py (what a tool is), then registry.py (how it is found), then sandbox/ (where commands
and code run) and workspace.py (what they work on).  This floor takes values and gives values: it knows no
database, no queue and no web.
"""
