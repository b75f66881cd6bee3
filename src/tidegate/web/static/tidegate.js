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

// The menu and the facets are folded on a narrow screen, also when it becomes one or ceases to be.
// Without this file the facets are closed at first, and wide screens show them all the same.
const narrow = window.matchMedia("(max-width: 60rem)");
const fold = () => {
  for (const one of document.querySelectorAll(".menu details, .facets > details")) one.open = !narrow.matches;
};
narrow.addEventListener("change", fold);
fold();

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

// Parts marked data-live are fetched again from the page the mark names and put in place of the old
// ones, as the node writes them; what somebody is just using stays. Nothing marked, nothing fetched.
const LIVE_FIRST = 2000;
const LIVE_LONGEST = 15000;

function freshenIn(pause) {
  const marked = document.querySelector("[data-live]");
  if (marked) setTimeout(() => freshen(marked.dataset.live, pause), pause);
}

async function freshen(place, pause) {
  let next = Math.min(pause * 1.02, LIVE_LONGEST);
  if (!document.hidden) {
    try {
      const answer = await fetch(place, { headers: { Accept: "text/html" }, redirect: "error" });
      if (answer.ok) {
        const read = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const old of document.querySelectorAll("[data-live]")) putFresh(old, read);
      } else if (answer.status < 500) {
        return;
      }
    } catch {
      next = LIVE_LONGEST; // the node is away: ask less often until it is back
    }
  }
  freshenIn(next);
}

function putFresh(old, read) {
  const fresh = read.getElementById(old.id);
  if (!fresh) old.removeAttribute("data-live");
  else if (!old.contains(document.activeElement) && !old.isEqualNode(fresh)) {
    old.replaceWith(document.adoptNode(fresh));
  }
}

freshenIn(LIVE_FIRST);

// A form marked data-previews is sent on every change, and the parts of the answer that the mark
// names are put in place of the old ones: one answer at a time, and the newest wish last.
for (const form of document.querySelectorAll("form[data-previews]")) {
  let busy = false;
  let again = false;
  const look = async () => {
    again = busy;
    if (busy) return;
    busy = true;
    const fields = new URLSearchParams(new FormData(form));
    fields.set("do", "preview");
    fields.delete("once");
    try {
      const answer = await fetch(form.action, { method: "POST", body: fields, redirect: "error" });
      const read = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of form.dataset.previews.split(" ")) {
        const [old, fresh] = [document.getElementById(id), read.getElementById(id)];
        if (!fresh) continue;
        old.hidden = fresh.hidden;
        old.replaceChildren(...fresh.childNodes);
      }
    } catch {
      // The node is away: the button says so as soon as it is pressed.
    }
    busy = false;
    if (again) look();
  };
  form.addEventListener("change", (event) => {
    if (!event.target.closest("[data-quiet]")) look();
  });
}
