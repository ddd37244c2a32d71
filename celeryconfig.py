"""Celery's options only: the broker, the queues by complexity, and what is promised of delivery.

Who consumes what: worker/subscription.py.  Who publishes: tasks/broker.py.
Every name without an underscore in this module becomes a Celery setting.
"""

from kombu import Exchange as _Exchange
from kombu import Queue as _Queue

import settings as _settings

_told = _settings.load()

broker_url = _told.broker
broker_connection_retry_on_startup = True
# For ever: a worker that outlives a broker's outage is worth more than one that gave up after 100 tries.
broker_connection_max_retries = None
broker_transport_options = {
    # Nothing runs unacknowledged (see task_acks_late), so this bounds only how long a message that was
    # fetched by a worker that died at once stays hidden.
    "visibility_timeout": 3600,
    # Without time-outs a broker that hangs would hang whoever submits, and a worker that reconnects.
    "socket_connect_timeout": 3,
    "socket_timeout": 30,
    "socket_keepalive": True,
    "health_check_interval": 10,
    # Whoever submits must not wait while it is tried again: the row stands and is published later.
    # A worker that reconnects does not look here, but at broker_connection_max_retries.
    "max_retries": 0,
    # On Redis each step of priority is a list of its own.  The rows decide the order, so one is enough.
    "priority_steps": [0],
    "queue_order_strategy": "priority",
}
visibility_timeout = 3600

# The default exchange hands a message to the queue of its routing key.  A named one would keep its
# bindings in Redis, where they vanish with the data and every later message with them.
_direct = _Exchange("")
# A queue without a routing key of its own takes the default queue's, and every message reaches every queue.
task_queues = [_Queue(f"complexity.{level}", _direct, routing_key=f"complexity.{level}") for level in range(1, 11)]
task_default_queue = "complexity.1"
task_default_exchange = ""
task_default_routing_key = "complexity.1"
# A typing error in a queue's name must be an error, not a new queue that nobody serves.
task_create_missing_queues = False
# A wake-up is sent to the queue of the task that it is for, which its sender names; nothing else is sent.
task_routes = {"opscore.work": {"queue": "complexity.1"}}
imports = ("tasks.work",)

# A message only wakes, the row decides: acknowledge before the work.  Acknowledging late would have Redis
# deliver a long task again after the visibility time-out, while it still runs.
task_acks_late = False
task_reject_on_worker_lost = False
# Fetch a wake-up only when a process is free for it; a reserved one would sleep behind a long task
# while another worker is idle.  The multiplier is the bound for brokers that are not Redis.
worker_disable_prefetch = True
worker_prefetch_multiplier = 1
# With True, tasks that ran while Redis restarted were lost; leases decide instead.
worker_cancel_long_running_tasks_on_connection_loss = False

# Progress is written to the database; results in Redis only grow.
task_ignore_result = True
result_backend = None
# Events halve the throughput; Flower asks for them while it watches.
worker_send_task_events = False
task_send_sent_event = False

# JSON only: a pickle from the broker would be code.
task_serializer = "json"
accept_content = ["json"]
event_serializer = "json"

enable_utc = True
timezone = "UTC"

# A warm shutdown waits for the running task; after a SIGQUIT it gets this long, in seconds.
worker_soft_shutdown_timeout = 30.0
# A worker that cannot start its children should say so at once.
worker_proc_alive_timeout = 30.0
worker_hijack_root_logger = False
worker_redirect_stdouts = False
