// On every page: menus close as people expect, a form is not sent twice, and a phone on which nobody
// is signed in keeps no names.

import { forget } from "./sync/store";

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.account[open]")) {
    if (!menu.contains(event.target as Node)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.account[open]")) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  if (form.dataset["sent"] !== undefined) event.preventDefault();
  form.dataset["sent"] = "";
});

addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form")) delete form.dataset["sent"];
});

const { role, offline } = document.body.dataset;
const forgotten = document.querySelector("[data-forget]") !== null;
if (role === undefined && offline === undefined && !forgotten) void forget().catch(() => undefined);
if (role === "patient") {
  const form = document.querySelector<HTMLFormElement>("form[action='/logout']");
  if (form !== null) void import("./patient/sign_out").then((found) => found.guardSignOut(form));
}
