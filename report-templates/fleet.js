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
    let count = 0;
    for (const machine of machines) {
      const matches = wanted.every((word) => machine.text.includes(word));
      count += matches;
      for (const row of machine.rows) row.hidden = !matches;
    }
    found.textContent = wanted.length ? `${count} of ${machines.length} machines` : "";
  };
  document.getElementById("search").hidden = false;
  words.addEventListener("input", search);
})();
