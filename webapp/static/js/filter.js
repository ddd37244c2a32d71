/* Search in a list that is already here: a field with data-filters hides the rows whose data-name does not hold every
   word that was typed. What was chosen stays in sight. */
function narrow(field) {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const list = document.querySelector(field.dataset.filters);
  let found = 0;
  for (const row of list.children) {
    const isChosen = row.querySelector("input:checked:not(:disabled)");
    row.hidden = !isChosen && !words.every((word) => row.dataset.name.includes(word));
    found += !row.hidden;
  }
  const none = list.parentElement.querySelector("[data-filters-none]");
  if (none) none.hidden = found > 0;
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-filters]")) narrow(event.target);
});
document.addEventListener("keydown", (event) => {
  // Return in the search would send the form around it.
  if (event.key === "Enter" && event.target.matches("[data-filters]")) event.preventDefault();
});
