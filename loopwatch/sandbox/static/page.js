// Keeps the page up to date with the server's events. All HTML comes escaped from the
// sandbox itself.
"use strict";

const CARDS_SHOWN = 100;
const live = document.getElementById("live");
let revision = Number(document.body.dataset.revision);

function show(state) {
  live.textContent = state;
  live.classList.toggle("off", state !== "live");
}

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

function keepOpen(old, fresh) {
  for (const details of old.querySelectorAll("details[open]")) {
    const same = fresh.querySelector(`#${CSS.escape(details.id)}`);
    if (same) same.open = true;
  }
}

function place(card) {
  const fresh = parse(card.html);
  const old = document.getElementById(fresh.id);
  fresh.classList.add("fresh");
  if (old) {
    keepOpen(old, fresh);
    old.replaceWith(fresh);
    return;
  }
  const list = document.getElementById(card.list);
  list.prepend(fresh);
  while (list.childElementCount > CARDS_SHOWN) list.lastElementChild.remove();
}

async function reload() {
  const asked = revision;
  const response = await fetch("/");
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of ["strip", "board"]) {
    const fresh = page.getElementById(id);
    const old = document.getElementById(id);
    keepOpen(old, fresh);
    old.replaceWith(fresh);
  }
  const shown = Number(page.body.dataset.revision);
  // A change that came meanwhile was put into the board that has just been replaced.
  const missed = revision !== asked && shown < revision;
  revision = shown;
  if (missed) await reload();
}

const events = new EventSource("/sandbox/events");
events.addEventListener("hello", (event) => {
  show("live");
  if (JSON.parse(event.data).revision !== revision) reload();
});
events.addEventListener("change", (event) => {
  const change = JSON.parse(event.data);
  revision = change.revision;
  document.getElementById("strip").replaceWith(parse(change.strip));
  change.cards.forEach(place);
});
events.addEventListener("reload", reload);
events.addEventListener("error", () => show("not connected"));

document.getElementById("clear").addEventListener("click", () => {
  fetch("/sandbox/clear", { method: "POST" });
});
