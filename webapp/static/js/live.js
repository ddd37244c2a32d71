/* What happens anywhere, told to this page as the document event `opscore-changed`.

   A browser opens few connections to one server, and each tab of OpsCore would hold one for ever. So one tab listens
   (whoever holds the lock) and tells the others over a channel; when it closes, the next one takes over. */
import { keepListening } from "./stream.js";

const address = document.body.dataset.stream;
const channel = new BroadcastChannel("opscore");
const QUIET_MS = 700;
/* What changes the banner and the counts in the frame of every page. */
const STANDING = /^(emergency\.|line\.|task\.(asked|answered|approval_expired|failed|cancelled|reopened|dismissed|restored|paused)$)/;
let last = "";
let waiting = 0;
let isStanding = false;

function changed(event) {
  document.dispatchEvent(new CustomEvent("opscore-event", { detail: event }));
  isStanding ||= STANDING.test(event.kind);
  if (waiting) return;
  waiting = setTimeout(() => {
    waiting = 0;
    document.dispatchEvent(new CustomEvent("opscore-changed"));
    if (isStanding) document.dispatchEvent(new CustomEvent("opscore-standing"));
    isStanding = false;
  }, QUIET_MS);
}

function show(state, words) {
  for (const line of document.querySelectorAll(".line-state")) {
    line.dataset.line = state;
    line.querySelector("[data-line-word]").textContent = words;
  }
}

function tell(message) {
  channel.postMessage(message);
  hear({ data: message });
}

function hear({ data }) {
  if (data.line) show(data.line, data.line === "open" ? "Live" : "Reconnecting");
  if (data.event) changed(data.event);
  if (data.again) changed({ kind: "line.opened" });
}

function listen() {
  let wasLost = false;
  keepListening(() => (last ? `${address}?after=${last}` : address), {
    onOpen: () => {
      tell({ line: "open", again: wasLost });
      wasLost = false;
    },
    onLost: () => {
      wasLost = true;
      tell({ line: "lost" });
    },
    onMessage: (event, id) => {
      last = id;
      tell({ event });
    },
  });
  // A tab that opens later asks how the line is.
  channel.addEventListener("message", ({ data }) => {
    if (data.ask) channel.postMessage({ line: wasLost ? "lost" : "open" });
  });
  return new Promise(() => {});
}

if (address) {
  channel.addEventListener("message", hear);
  channel.postMessage({ ask: true });
  if (navigator.locks) navigator.locks.request("opscore-line", listen);
  else listen(); // not a secure origin: every tab listens for itself
}
