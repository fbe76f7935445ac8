"use strict";
// Rows and marks light each other, and a mark leads to its row; the words of the filter stay in the address. Without this the tables are whole.

const light = (row, on) => {
  document.getElementById(`row-${row}`)?.classList.toggle("lit", on);
  document.querySelector(`.mark[data-row="${row}"]`)?.classList.toggle("lit", on);
};

for (const mark of document.querySelectorAll(".mark")) {
  mark.addEventListener("pointerenter", () => light(mark.dataset.row, true));
  mark.addEventListener("pointerleave", () => light(mark.dataset.row, false));
  mark.addEventListener("click", () => {
    location.href = `${mark.closest("svg").dataset.table}#row-${mark.dataset.row}`;
  });
}
if (document.querySelector(".mark")) {
  for (const row of document.querySelectorAll("table.choices tbody tr")) {
    const number = row.id.slice("row-".length);
    for (const [event, on] of [["pointerenter", true], ["pointerleave", false], ["focusin", true], ["focusout", false]]) {
      row.addEventListener(event, () => light(number, on));
    }
  }
}

const filter = document.getElementById("filter");
if (filter) {
  const rows = [...document.querySelectorAll("tbody tr")].map((row) => [row, row.textContent.toLowerCase()]);
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
