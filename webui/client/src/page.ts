// On every page: menus close as people expect, and a form is not sent twice.

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

export {};
