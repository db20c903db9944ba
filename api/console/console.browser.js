"use strict";
(() => {
  const script = document.currentScript;
  // A browser that shows a page of its memory shows an old one.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  // The outcome of a form is not known: asked again by itself three times.
  const again = document.querySelector("form[data-ask-again]");
  if (again instanceof HTMLFormElement) {
    const asked = again.querySelector("input[name=asked]") ?? document.createElement("input");
    asked.type = "hidden";
    asked.name = "asked";
    const times = Number(asked.value) || 0;
    asked.value = String(times + 1);
    again.append(asked);
    if (times < 3)
      setTimeout(() => again.requestSubmit(), 1000 * (Number(again.dataset.askAgain) || 2));
  }

  void script;
})();
