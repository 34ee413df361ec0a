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
