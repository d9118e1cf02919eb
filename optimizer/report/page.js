"use strict";
// Show only what changed in the prompt, or all of it; without this script everything is shown.
for (const box of document.querySelectorAll("[data-hides]")) {
  const diff = document.getElementById(box.dataset.hides);
  box.addEventListener("change", () => {
    for (const line of diff.querySelectorAll(".same")) line.hidden = box.checked;
  });
}
