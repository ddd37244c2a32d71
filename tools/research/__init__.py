"""Research that keeps its sources: what was claimed, by which page, in which words, and when that was read.

- pages.py: the pages that the task really fetched, which is all that can be cited; quotes.py: whether a page says it
- note.py: `research.note`; cite.py: `research.cite`; bibliography.py: `research.bibliography`
- sources.py: `research/sources.json`, the numbered sources; notes.py: `research/notes.jsonl`
- styles.py with authors.py and dates.py: references as APA, IEEE and Chicago write them

That a report keeps to it is checked before its task completes: tasks/checks/citations.py.
"""
