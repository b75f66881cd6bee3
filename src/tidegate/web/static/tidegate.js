// Enhancement only: every page works without this file.
"use strict";

for (const form of document.querySelectorAll("form[method=post]:not([data-stays])")) {
  form.addEventListener("submit", () => {
    // A second click must not send the form twice.
    setTimeout(() => {
      for (const button of form.querySelectorAll("button")) button.disabled = true;
    });
  });
}

const menu = document.querySelector(".menu details");
if (menu && window.matchMedia("(max-width: 60rem)").matches) menu.open = false;

for (const choice of document.querySelectorAll("[data-shows]")) {
  // A select that shows one group of fields; without this file all groups are shown.
  const show = () => {
    for (const group of document.querySelectorAll("[data-shown-for]")) {
      const wanted = group.dataset.shownFor.split(" ").includes(choice.value);
      group.hidden = !wanted;
      for (const field of group.querySelectorAll("input, select, textarea")) field.disabled = !wanted;
    }
  };
  choice.addEventListener("change", show);
  show();
}
