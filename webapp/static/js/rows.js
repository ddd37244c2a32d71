/* Keep the rows of the task list current: ask for those that are on the screen and may still change. */
const EVERY_MS = 5000;
let isAsking = false;

function isOnScreen(row) {
  const box = row.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight;
}

async function refresh() {
  const list = document.querySelector("[data-live-rows]");
  if (!list || isAsking || document.hidden) return;
  const rows = [...list.querySelectorAll("li[data-id]")];
  const address = new URL(list.dataset.liveRows, location.href);
  for (const row of rows.filter((each) => "open" in each.dataset && isOnScreen(each))) {
    address.searchParams.append("id", row.dataset.id);
  }
  address.searchParams.set("newest", rows[0]?.dataset.id || "");
  isAsking = true;
  try {
    await htmx.ajax("GET", address.pathname + address.search, { source: list, target: list, swap: "none" });
  } finally {
    isAsking = false;
  }
}

if (document.querySelector("[data-live-rows]")) {
  document.addEventListener("opscore-changed", refresh);
  setInterval(refresh, EVERY_MS);
}
