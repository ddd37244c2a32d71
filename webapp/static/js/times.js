/* Keep "2 min ago" true. The words are those of amounts.py; the server's clock counts, not this machine's. */
const DAY = 86400;
const offset = Date.parse(document.body.dataset.now || "") - Date.now() || 0;

function ago(seconds) {
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < DAY) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 2 * DAY) return "yesterday";
  return null;
}

function refresh() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const seconds = (Date.now() + offset - Date.parse(time.dateTime)) / 1000;
    const words = seconds >= 0 && ago(seconds);
    if (words && time.textContent !== words) time.textContent = words;
  }
}
setInterval(refresh, 5000);

function span(seconds) {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].filter(([unit]) => seconds >= unit).slice(0, 2);
  let left = seconds;
  return parts.map(([unit, word]) => {
    const count = Math.floor(left / unit);
    left -= count * unit;
    return `${count} ${word}`;
  }).join(" ") || "0 s";
}

/* What lasts, and what is to come, counts by the second. */
function tick() {
  for (const time of document.querySelectorAll("time[data-since], time[data-until]")) {
    const seconds = Math.floor((Date.now() + offset - Date.parse(time.dateTime)) / 1000);
    const isAhead = "until" in time.dataset;
    const words = isAhead ? (seconds < 0 ? `in ${span(-seconds)}` : "now") : span(Math.max(seconds, 0));
    if (time.textContent !== words) time.textContent = words;
  }
}
setInterval(tick, 1000);
document.addEventListener("htmx:after:settle", refresh);
