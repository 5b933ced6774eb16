"use strict";
(() => {
  const words = document.getElementById("words");
  const found = document.getElementById("found");
  const lines = new Map([...document.querySelectorAll("[data-of]")].map((line) => [line.dataset.of, line]));
  const machines = [...document.querySelectorAll(".machines tbody tr")].map((row) => ({
    rows: [row, lines.get(row.id)].filter(Boolean),
    text: row.textContent.toLowerCase(),
  }));
  const search = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const machine of machines) {
      const matches = wanted.every((word) => machine.text.includes(word));
      for (const row of machine.rows) row.hidden = !matches;
    }
    // Those that the chosen status leaves out are no find.
    const count = machines.filter(({ rows: [row] }) => row.getClientRects().length).length;
    found.textContent = wanted.length ? `${count} of ${machines.length} machines` : "";
  };
  document.getElementById("search").hidden = false;
  words.addEventListener("input", search);
  document.querySelector(".choose fieldset").addEventListener("change", search);
  for (const button of document.querySelectorAll("[data-words]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      document.getElementById("show-all").checked = true;
      words.value = button.dataset.words;
      search();
      document.getElementById("machines").scrollIntoView();
      words.focus({ preventScroll: true });
    });
  }
})();
