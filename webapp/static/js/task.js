/* An open task: its stream says what is new, then the page asks for the parts that changed.

   The number of the newest event shown stands in #seen; what is asked for always comes from the database, so after
   a cut, or a server that was killed, one answer brings the page up to date. */
import { keepListening } from "./stream.js";

const MOST_OUTPUT = 200_000;
const ENDS = /^task\.(succeeded|failed|cancelled)$/;
const address = document.body.dataset.taskStream;
const live = document.getElementById("live");
let isAsking = false;
let isStale = false;
let line = null;
let shown = 0;

function seen() {
  return Number(document.getElementById("seen").value);
}

function refresh() {
  if (isAsking) {
    isStale = true;
    return;
  }
  isAsking = true;
  isStale = false;
  htmx.trigger(live, "opscore-refresh");
}

function answered() {
  if (seen() !== shown) document.dispatchEvent(new CustomEvent("opscore-task-changed"));
  shown = seen();
  // Later: htmx frees the element only after it has told of the end.
  setTimeout(() => {
    isAsking = false;
    if (isStale || "more" in document.getElementById("seen").dataset) refresh();
  });
}

function print({ step, text }) {
  const pane = document.getElementById(`live-${step}`);
  if (!pane) return;
  const follows = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 40;
  // What comes first need not begin with an empty line.
  pane.append(pane.hasChildNodes() ? text : text.trimStart());
  if (pane.textContent.length > MOST_OUTPUT) pane.textContent = pane.textContent.slice(-MOST_OUTPUT / 2);
  if (follows) pane.scrollTop = pane.scrollHeight;
}

function open() {
  if (line) return;
  line = keepListening(() => `${address}?after=${seen()}`, {
    onOpen: refresh,
    onMessage: (event) => {
      if (event.number > seen() || ENDS.test(event.kind)) refresh();
    },
    onOutput: print,
  });
}

function close() {
  line?.close();
  line = null;
}

if (address && live) {
  shown = seen();
  live.addEventListener("htmx:finally:request", answered);
  document.addEventListener("opscore-done", refresh);
  // Bars and times of a running task grow without events.
  setInterval(() => {
    const state = document.getElementById("task-head").dataset.state;
    if (!document.hidden && (state === "running" || state === "queued")) refresh();
  }, 3000);
  // A hidden tab gives its connection back; what it missed comes when it is looked at again.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  if (!document.hidden) open();
}
