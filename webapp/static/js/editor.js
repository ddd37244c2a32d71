/* The place for a playbook: line numbers, marks at the lines with mistakes, Tab that indents (Escape leaves). */
const place = document.querySelector("[data-code]");
const area = place?.querySelector("textarea");
const lines = place?.querySelector(".lines");

function number() {
  const count = area.value.split("\n").length;
  const wrong = new Set([...document.querySelectorAll("#checked [data-line]")].map((each) => Number(each.dataset.line)));
  lines.replaceChildren(
    ...Array.from({ length: count }, (_, index) => {
      const line = document.createElement("span");
      line.textContent = `${index + 1}\n`;
      line.classList.toggle("wrong-line", wrong.has(index + 1));
      return line;
    }),
  );
  lines.scrollTop = area.scrollTop;
}

function goTo(line) {
  const before = area.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  const end = area.value.indexOf("\n", before);
  area.focus();
  area.setSelectionRange(before, end < 0 ? area.value.length : end);
  area.scrollTop = (line - 5) * parseFloat(getComputedStyle(area).lineHeight);
}

function indent(event) {
  if (event.key === "Tab" && !event.shiftKey && !event.ctrlKey && !event.altKey) {
    event.preventDefault();
    area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

if (place) {
  area.addEventListener("input", number);
  area.addEventListener("keydown", indent);
  area.addEventListener("scroll", () => {
    lines.scrollTop = area.scrollTop;
  });
  document.addEventListener("htmx:after:settle", number);
  document.addEventListener("click", (event) => {
    const to = event.target.closest(".to-line");
    if (to) goTo(Number(to.dataset.line));
  });
  number();
  // After a way back the browser has put in again what was written: it is checked anew.
  addEventListener("pageshow", () => {
    if (area.value !== area.defaultValue) area.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
