/* Upload the source of a task while the form is filled in: by choosing or by dropping, with progress.
   Without this the file goes with the form. */
function words(part, strong, rest) {
  const [bold, plain] = part.querySelector("[data-upload-words]").children;
  bold.textContent = strong;
  plain.textContent = rest;
}

function size(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  for (; bytes >= 999.5 && unit < 3; unit += 1) bytes /= 1000;
  return `${unit === 0 || bytes >= 99.5 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}

function fail(part, message) {
  const wrong = part.querySelector("[data-upload-wrong]");
  wrong.textContent = `It was not taken: ${message}.`;
  wrong.hidden = false;
  // Goes with the form: what is wrong with the field is this, and not that nothing was chosen.
  part.querySelector("[data-upload-refused]").value = message;
  words(part, "Choose a file", "or drop it here.");
}

function finish(part, request) {
  part.querySelector("[data-upload-progress]").hidden = true;
  let answer = {};
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    answer = { problem: `the server answered ${request.status || "nothing"}` };
  }
  if (request.status !== 201) {
    fail(part, answer.problem || "try again");
    return;
  }
  show(part, answer);
  remember(part, answer);
}

function show(part, upload) {
  const value = part.querySelector("[data-upload-value]");
  value.value = upload.value;
  words(part, upload.name, `${size(upload.size)}, uploaded. Choose another to replace it.`);
  value.dispatchEvent(new Event("change", { bubbles: true }));
}

/* For this tab: a way back finds there what was uploaded.  Not in history.state, which htmx writes anew. */
function place(part) {
  return `upload ${location.pathname} ${part.id}`;
}

function remember(part, upload) {
  if (upload) sessionStorage.setItem(place(part), JSON.stringify(upload));
  else sessionStorage.removeItem(place(part));
}

function send(part, file) {
  const bar = part.querySelector("[data-upload-progress]");
  const chooser = part.querySelector("[data-upload-file]");
  part.querySelector("[data-upload-wrong]").hidden = true;
  part.querySelector("[data-upload-value]").value = "";
  part.querySelector("[data-upload-refused]").value = "";
  remember(part, null);
  chooser.value = ""; // it goes by itself: the form must not send it again
  if (file.size > Number(part.dataset.limit)) {
    fail(part, `it has ${size(file.size)}, and ${size(Number(part.dataset.limit))} are allowed`);
    return;
  }
  const request = new XMLHttpRequest();
  request.open("POST", `${part.dataset.source}?name=${encodeURIComponent(file.name)}`);
  request.setRequestHeader("X-CSRFToken", document.querySelector("[name=csrf_token]").value);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.upload.onprogress = (event) => {
    bar.value = event.lengthComputable ? (event.loaded / event.total) * 100 : 0;
    words(part, file.name, `${size(event.loaded)} of ${size(file.size)}`);
  };
  request.onloadend = () => finish(part, request);
  bar.value = 0;
  bar.hidden = false;
  words(part, file.name, size(file.size));
  request.send(file);
}

addEventListener("pageshow", () => {
  const isBack = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  for (const part of document.querySelectorAll("[data-source]")) {
    const kept = sessionStorage.getItem(place(part));
    if (kept && isBack) show(part, JSON.parse(kept));
    else if (!isBack) remember(part, null);
  }
});
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-upload-file]") || !event.target.files.length) return;
  send(event.target.closest("[data-source]"), event.target.files[0]);
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const zone = event.target.closest?.("[data-drop]");
    if (!zone) return;
    event.preventDefault();
    zone.classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) send(zone.closest("[data-source]"), event.dataTransfer.files[0]);
  });
}
