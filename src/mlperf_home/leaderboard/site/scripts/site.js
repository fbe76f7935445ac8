"use strict";
// Rows and marks light each other, and a mark leads to its row; the words of the filter stay in the address. Without this
// the tables are whole.

const lightRow = (row, on) => {
  document.getElementById(`row-${row}`)?.classList.toggle("lit", on);
  document.querySelector(`.mark[data-row="${row}"]`)?.classList.toggle("lit", on);
};

for (const mark of document.querySelectorAll(".mark")) {
  mark.addEventListener("pointerenter", () => lightRow(mark.dataset.row, true));
  mark.addEventListener("pointerleave", () => lightRow(mark.dataset.row, false));
  mark.addEventListener("click", () => {
    location.href = `#row-${mark.dataset.row}`;
  });
}
if (document.querySelector(".mark")) {
  for (const row of document.querySelectorAll("table.choices tbody tr[id]")) {
    const number = row.id.slice("row-".length);
    for (const [event, on] of [["pointerenter", true], ["pointerleave", false], ["focusin", true], ["focusout", false]]) {
      row.addEventListener(event, () => lightRow(number, on));
    }
  }
}

const filter = document.getElementById("filter");
if (filter) {
  const rows = [...document.querySelectorAll("table.filtered tbody tr")].map((row) => [row, row.textContent.toLowerCase()]);
  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const [row, text] of rows) row.hidden = !words.every((word) => text.includes(word));
  };
  const address = new URL(location.href);
  filter.hidden = false;
  filter.value = address.searchParams.get("q") ?? "";
  filter.addEventListener("input", () => {
    if (filter.value) address.searchParams.set("q", filter.value);
    else address.searchParams.delete("q");
    history.replaceState(null, "", address);
    show();
  });
  show();
}

// A column's head sorts the rows of its table: numbers by their value, an empty cell last.
for (const head of document.querySelectorAll("table.sorted th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const table = head.closest("table");
    const place = [...head.parentNode.children].indexOf(head);
    const backwards = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", backwards ? "descending" : "ascending");
    const key = (row) => row.children[place].textContent.trim();
    const compare = (one, other) => {
      const [mine, theirs] = [parseFloat(one), parseFloat(other)];
      return (Number.isNaN(mine) || Number.isNaN(theirs) ? one.localeCompare(other) : mine - theirs) * (backwards ? -1 : 1);
    };
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [row, key(row)]);
    rows.sort(([, one], [, other]) => (one === "") - (other === "") || compare(one, other));
    body.append(...rows.map(([row]) => row));
  });
}
