/* A question before harm: what a link with data-ask leads to is asked in the page's dialog.

   The contents come by htmx (webapp/ask.py); when the answer to it was sent, the dialog closes and whatever shows
   what was changed asks for itself again. */
const dialog = document.getElementById("ask");

function close() {
  if (dialog.open) dialog.close();
}

document.addEventListener("htmx:after:settle", () => {
  const asked = dialog?.querySelector("form[data-opens]");
  if (!asked || dialog.open || "shown" in asked.dataset) return;
  asked.dataset.shown = "";
  dialog.showModal();
});
dialog?.addEventListener("htmx:finally:request", (event) => {
  if (event.target.closest("form[data-closes]")) close();
});
dialog?.addEventListener("close", () => {
  // What is on its way for a dialog that was closed must not come back into it.
  for (const form of dialog.querySelectorAll("form")) form.dispatchEvent(new CustomEvent("htmx:abort"));
  dialog.replaceChildren();
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-not-now]") || !dialog.open) return;
  event.preventDefault();
  close();
});
/* What was taken back is said anew. */
document.addEventListener("htmx:finally:request", (event) => event.target.closest?.("[data-undoes]")?.closest(".notice").remove());
document.addEventListener("opscore-done", () => {
  for (const name of ["opscore-changed", "opscore-standing"]) document.dispatchEvent(new CustomEvent(name));
});
