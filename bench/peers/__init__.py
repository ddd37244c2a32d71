"""Other task queues that bench/throughput.py runs beside OpsCore, each with two worker processes.

One module a system, each set up the most durable way that it offers; its first lines say what it keeps of a task.
None has runs, steps, leases or a timeline.  `python -m bench.peers work NAME` starts the workers, `side NAME` takes
the commands of bench/sides.py.  The environment names the places: BENCH_BROKER_URL, BENCH_DATABASE_URL, BENCH_FOLDER.
"""
