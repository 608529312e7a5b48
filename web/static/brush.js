// Draws a stretch of time over the bars with the mouse or a finger, and shows what the form beside has chosen.
// Without it the form and the links of the table do the same.
const picture = document.querySelector("svg[data-brush]");
const form = document.querySelector("form.stretch");
if (picture && form) {
  const bars = [...picture.querySelectorAll("rect[data-first]")];
  const [first, last] = [form.elements.from, form.elements.to];
  let begun = null;

  const at = (event) => {
    const { left, width } = picture.getBoundingClientRect();
    const share = (event.clientX - left) / width;
    return Math.min(bars.length - 1, Math.max(0, Math.floor(share * bars.length)));
  };
  const paint = () => {
    const whole = first.selectedIndex === 0 && last.selectedIndex === bars.length - 1;
    bars.forEach((bar, i) =>
      bar.classList.toggle("chosen", !whole && i >= first.selectedIndex && i <= last.selectedIndex));
  };
  const choose = (from, to) => {
    first.selectedIndex = Math.min(from, to);
    last.selectedIndex = Math.max(from, to);
    paint();
  };

  picture.addEventListener("pointerdown", (event) => {
    if (event.button === 0) begun = at(event);
  });
  picture.addEventListener("pointermove", (event) => {
    if (begun !== null && (event.buttons & 1) && at(event) !== begun) choose(begun, at(event));
  });
  addEventListener("pointerup", (event) => {
    if (begun === null) return;
    const [from, to] = [begun, at(event)];
    begun = null;
    if (from === to) return; // a click: the link of the bar is followed
    choose(from, to);
    form.requestSubmit();
  });
  addEventListener("pointercancel", () => (begun = null));
  picture.addEventListener("dragstart", (event) => event.preventDefault());
  first.addEventListener("change", () => choose(first.selectedIndex, Math.max(first.selectedIndex, last.selectedIndex)));
  last.addEventListener("change", () => choose(Math.min(first.selectedIndex, last.selectedIndex), last.selectedIndex));
}
