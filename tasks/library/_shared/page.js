// A little comfort for long tables: sort by a click on a column's title, filter by typing.
// The page is complete without it.
"use strict";

function valueOf(row, column) {
  const cell = row.cells[column];
  return cell.dataset.by ?? cell.textContent;
}

function sortBy(table, column, isNumber, ascending) {
  const body = table.tBodies[0];
  const sign = ascending ? 1 : -1;
  const rows = [...body.rows].sort((a, b) => {
    const [left, right] = [valueOf(a, column), valueOf(b, column)];
    return sign * (isNumber ? (Number(left.replaceAll(",", "")) || 0) - (Number(right.replaceAll(",", "")) || 0)
                            : left.localeCompare(right));
  });
  body.append(...rows);
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const isNumber = head.classList.contains("num");
      const before = head.getAttribute("aria-sort");
      const ascending = before ? before !== "ascending" : !isNumber;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      sortBy(table, column, isNumber, ascending);
    });
  });
}

function makeSearchable(box) {
  const label = document.createElement("label");
  const field = document.createElement("input");
  const count = document.createElement("output");
  const rows = [...box.querySelectorAll("tbody tr")];
  label.className = "search";
  field.type = "search";
  field.placeholder = "Filter: part of a name";
  field.setAttribute("aria-label", "Filter the rows");
  const show = () => {
    const wanted = field.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
  };
  field.addEventListener("input", show);
  label.append(field, count);
  box.before(label);
  show();
}

document.querySelectorAll(".rows table").forEach(makeSortable);
document.querySelectorAll(".rows.searchable").forEach(makeSearchable);
