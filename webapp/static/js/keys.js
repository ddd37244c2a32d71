/* The keyboard: single letters outside of fields. They are listed in templates/parts/keys.html. */
const PLACES = { h: "/", i: "/inbox", t: "/tasks", a: "/agents", m: "/models", s: "/spend", d: "/dead-letters", q: "/queues" };
let waitsForPlace = 0;

function isTyping(element) {
  return element.matches("input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable]");
}

function showKeys() {
  const dialog = document.getElementById("keys");
  if (dialog && !dialog.open) dialog.showModal();
}

function focusSearch() {
  const search = document.querySelector("[data-search]");
  if (!search) {
    location.assign("/tasks#q");
    return;
  }
  search.focus();
  search.select();
}

function step(by) {
  const rows = [...document.querySelectorAll("[data-list] > li > a, [data-list] > li > .row a.name")];
  if (!rows.length) return false;
  const here = rows.indexOf(document.activeElement);
  rows[Math.min(Math.max(here + by, 0), rows.length - 1)].focus();
  return true;
}

/* A button that names this letter: what may be done with the task that is looked at. */
function press(key) {
  const button = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  button?.click();
  return Boolean(button);
}

function act(key) {
  if (waitsForPlace > Date.now() && PLACES[key]) {
    location.assign(PLACES[key]);
    return true;
  }
  waitsForPlace = 0;
  if (key === "g") waitsForPlace = Date.now() + 1200;
  else if (key === "n") location.assign("/tasks/new");
  else if (key === "/") focusSearch();
  else if (key === "?") showKeys();
  else if (key === "j") return step(1);
  else if (key === "k") return step(-1);
  else return press(key);
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && isTyping(event.target)) event.target.blur();
  else if (!isTyping(event.target) && act(event.key)) event.preventDefault();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-show-keys]")) showKeys();
});
if (location.hash === "#q") focusSearch();
