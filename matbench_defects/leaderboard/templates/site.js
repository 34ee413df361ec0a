// Sorts tables by a column: click or press a header's button. The choice stands in the address, so it can be shared.
"use strict";

for (const table of document.querySelectorAll("table[data-sortable]")) {
  const headers = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];

  function sortBy(header, direction) {
    const column = headers.indexOf(header);
    const numeric = header.dataset.kind === "number";
    const sign = direction === "descending" ? -1 : 1;
    const rows = [...body.rows].map((row) => ({ row, key: row.cells[column].dataset.sort }));
    rows.sort((a, b) => {
      // What is not defined stays last, whichever way the rest is sorted.
      if (a.key === "" || b.key === "") return (a.key === "") - (b.key === "");
      const order = numeric ? Number(a.key) - Number(b.key)
        : a.key.localeCompare(b.key, "en", { numeric: true, sensitivity: "base" });
      return sign * order;
    });
    body.append(...rows.map((item) => item.row));
    for (const other of headers) other.setAttribute("aria-sort", other === header ? direction : "none");
  }

  for (const header of headers) {
    header.querySelector("button").addEventListener("click", () => {
      const now = header.getAttribute("aria-sort");
      const direction = now === "none" ? header.dataset.first : now === "ascending" ? "descending" : "ascending";
      sortBy(header, direction);
      const hash = new URLSearchParams({ sort: header.dataset.key, order: direction });
      history.replaceState(null, "", "#" + hash);
    });
  }

  const asked = new URLSearchParams(location.hash.slice(1));
  const header = headers.find((item) => item.dataset.key === asked.get("sort"));
  if (header) sortBy(header, asked.get("order") === "descending" ? "descending" : "ascending");
}

// Filters a table by the words in its rows, and by whether they are baselines.
for (const field of document.querySelectorAll("[data-filter]")) {
  const name = field.dataset.filter, rows = [...document.getElementById(name).tBodies[0].rows];
  const without = document.querySelector(`[data-without-baselines="${name}"]`);
  const count = document.querySelector(`[data-count="${name}"]`);

  function filter() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = (without.checked && row.classList.contains("baseline")) || !words.every((word) => text.includes(word));
    }
    const left = rows.filter((row) => !row.hidden).length;
    count.textContent = left < rows.length ? `${left} of ${rows.length} shown` : "";
  }

  field.addEventListener("input", filter);
  without.addEventListener("change", filter);
  filter(); // a browser that goes back fills the fields in again
}
