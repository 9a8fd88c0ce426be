// Tables that sort by a click on a heading; links to a target open its page.
"use strict";
(function () {
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.v || cell.textContent.trim();
    const number = parseFloat(text);
    return { text, number: /^[-+]?[\d.]/.test(text) ? number : NaN };
  };

  // Numbers before words, what is not known last, in either direction.
  function sortBy(table, column, down) {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, (row) => ({ row, key: keyOf(row, column) }));
    const numeric = table.tHead.rows[0].cells[column].classList.contains("n");
    const sign = down ? -1 : 1;
    rows.sort((a, b) => {
      if (!numeric) return sign * a.key.text.localeCompare(b.key.text);
      const missing = isNaN(a.key.number) - isNaN(b.key.number);
      return missing || (isNaN(a.key.number) ? 0 : sign * (a.key.number - b.key.number));
    });
    for (const { row } of rows) body.append(row);
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const down = now ? now === "ascending" : head.classList.contains("n");
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sortBy(table, column, down);
      });
    });
  }

  function openLinked() {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") {
      target.open = true;
      target.scrollIntoView();
    }
  }
  addEventListener("hashchange", openLinked);
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#t-"]');
    if (link && link.hash === location.hash) openLinked();
  });
  openLinked();
})();
