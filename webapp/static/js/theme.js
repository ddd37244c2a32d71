/* Dark or light: the system's choice until somebody presses the button; then a cookie, so that the server draws it. */
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");

function current() {
  return root.dataset.theme || (dark.matches ? "dark" : "light");
}

function name() {
  for (const words of document.querySelectorAll("[data-theme-word]")) {
    words.textContent = current() === "dark" ? "Light" : "Dark";
  }
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-switch-theme]")) return;
  root.dataset.theme = current() === "dark" ? "light" : "dark";
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
  name();
});
dark.addEventListener("change", name);
name();
