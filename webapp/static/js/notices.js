/* A notice when a task ended by itself or needs a person: in the page, and by the browser where that was allowed. */
const TELLING = /^task\.(succeeded|failed|asked)$/;
/* After these a task needs nobody any more, whoever has seen to it: what was said of it is out of date. */
const SETTLING = /^task\.(answered|cancelled|resumed|reopened|dismissed|claimed|failed|succeeded)$/;
const STAYS_MS = 12_000;
/* Of very many at a time only the first are told: each costs a request, and nobody reads them. */
const MOST_AT_A_TIME = 4;
const TIME_MS = 3000;
let told = [];
const place = document.getElementById("notices");
const allow = document.querySelector("[data-allow-notices]");
const mayAsk = "Notification" in window && isSecureContext;

async function tell(taskId) {
  // The task's own page shows how it ended.
  if (document.body.dataset.task === taskId && !document.hidden) return;
  told = told.filter((at) => Date.now() - at < TIME_MS);
  if (told.length >= MOST_AT_A_TIME) return;
  told.push(Date.now());
  const answer = await fetch(`/tasks/${taskId}/notice`, { headers: { "HX-Request": "true" } });
  if (!answer.ok) return;
  const draft = document.createElement("template");
  draft.innerHTML = await answer.text();
  const notice = draft.content.querySelector("[data-notice]");
  if (!notice || place.querySelector(`[data-notice="${CSS.escape(notice.dataset.notice)}"]`)) return;
  if (document.hidden) byBrowser(notice);
  else setTimeout(() => notice.remove(), STAYS_MS);
  place.append(notice);
  while (place.childElementCount > 4) place.firstElementChild.remove();
}

function byBrowser(notice) {
  if (!mayAsk || Notification.permission !== "granted") return;
  // Every tab may say it: the same tag makes it one.
  const shown = new Notification(notice.dataset.title, { tag: notice.dataset.notice, icon: "/static/favicon.svg" });
  shown.onclick = () => {
    window.focus();
    location.assign(notice.dataset.href);
  };
}

function offer() {
  if (allow) allow.hidden = !mayAsk || Notification.permission !== "default";
}

function settle(taskId) {
  for (const old of place.querySelectorAll(`[data-notice^="${CSS.escape(taskId)}-"]`)) old.remove();
}

/* What was done stands long enough to be read; what a person points at stays. */
new MutationObserver(() => {
  for (const notice of place?.querySelectorAll("[data-passing]:not([data-goes])") ?? []) {
    notice.dataset.goes = "";
    setTimeout(() => notice.matches(":hover, :focus-within") || notice.remove(), STAYS_MS);
  }
}).observe(place ?? document.head, { childList: true });

document.addEventListener("opscore-event", ({ detail }) => {
  if (place && SETTLING.test(detail.kind)) settle(detail.subject_id);
  if (place && TELLING.test(detail.kind)) tell(detail.subject_id);
});
allow?.addEventListener("click", async () => {
  await Notification.requestPermission();
  offer();
});
offer();
