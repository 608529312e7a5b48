// A slider over the days on which the law changed, beside the form and the list, which do without it.
"use strict";
for (const list of document.querySelectorAll("details[data-slider]")) {
  const field = document.querySelector("#on");
  const links = [...list.querySelectorAll("li > a")].reverse();
  const days = links.map(link => new URL(link.href).searchParams.get("on"));
  const words = links.map(link => link.textContent.trim());
  const slider = Object.assign(document.createElement("input"), {
    type: "range", id: "days", min: 0, max: days.length - 1, step: 1,
    value: Math.max(0, days.filter(day => day <= (field.value || "9999")).length - 1),
  });
  const label = Object.assign(document.createElement("label"), { htmlFor: "days", textContent: list.dataset.slider });
  const said = Object.assign(document.createElement("output"), { htmlFor: "days", textContent: words[slider.value] });
  const box = Object.assign(document.createElement("div"), { className: "slider" });
  slider.setAttribute("aria-valuetext", words[slider.value]);
  slider.addEventListener("input", () => {
    said.textContent = words[slider.value];
    slider.setAttribute("aria-valuetext", words[slider.value]);
    field.value = days[slider.value];
  });
  box.append(label, slider, said);
  list.before(box);
}
