/* The slider of the complexity says which agents take such a task. */
function show(part) {
  const slider = part.querySelector("input[type=range]");
  const level = Number(slider.value);
  const able = [];
  for (const row of part.querySelectorAll("[data-low]")) {
    const covers = Number(row.dataset.low) <= level && level <= Number(row.dataset.high);
    row.classList.toggle("covers", covers);
    if (covers) able.push(row);
  }
  const up = able.filter((row) => row.dataset.light !== "red").map((row) => row.dataset.name);
  const down = able.filter((row) => row.dataset.light === "red").map((row) => row.dataset.name);
  part.querySelector("[data-level]").textContent = level;
  part.querySelector("[data-covered]").textContent = up.length
    ? `${up.join(" or ")} can take it.`
    : down.length
      ? `Nobody who covers ${level} is running (${down.join(", ")}): the task would wait.`
      : `No agent covers ${level}: the task would wait until one is started.`;
}

for (const part of document.querySelectorAll("[data-covering]")) {
  part.addEventListener("input", () => {
    part.dataset.chosen = "";
    show(part);
  });
  addEventListener("pageshow", () => {
    const slider = part.querySelector("input[type=range]");
    if (slider.value !== slider.defaultValue) part.dataset.chosen = "";
    show(part);
  });
  // The level that the playbook above names, as long as the person chose none.
  document.addEventListener("htmx:after:settle", () => {
    const plan = document.querySelector("#checked [data-plan-level]");
    if (!plan || "chosen" in part.dataset) return;
    part.querySelector("input[type=range]").value = plan.dataset.planLevel;
    show(part);
  });
  show(part);
}
