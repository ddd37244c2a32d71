/* Times that are typed are of the browser's time zone, unless the form came back with another. */
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
for (const field of document.querySelectorAll("[data-zone]")) {
  if (zone && !("kept" in field.dataset)) field.value = zone;
}
for (const word of document.querySelectorAll("[data-zone-word]")) {
  const field = document.querySelector("[data-zone]");
  if (field?.value) word.textContent = field.value;
}
