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
document.addEventListener("htmx:after:settle", refresh);
