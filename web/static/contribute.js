// Says while a form is being filled in what does not fit yet, at the fields that were touched. The answer is that of
// the server, which judges again when the form is sent; without this script only then.
const form = document.querySelector("form[data-live]");
const wrong = document.getElementById("wrong");
if (wrong) wrong.focus();
if (form) {
  const touched = new Set();
  let wait = 0;
  let asked = 0;
  const clear = () => form.querySelectorAll(".error.live").forEach((note) => note.remove());
  const tell = async () => {
    const turn = ++asked;
    try {
      const answer = await fetch(form.dataset.live, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      if (!answer.ok || turn !== asked) return;
      const { faults } = await answer.json();
      clear();
      for (const name of touched) {
        const field = document.getElementById(name);
        const old = document.getElementById(`${name}-error`);
        const fault = faults.find(({ id }) => id === name);
        if (!field || (old && !old.classList.contains("live") && fault)) continue;
        if (old) old.remove();
        field.toggleAttribute("aria-invalid", false);
        if (!fault) continue;
        const note = Object.assign(document.createElement("p"), { id: `${name}-error`, className: "error live", textContent: fault.text });
        field.before(note);
        field.setAttribute("aria-invalid", "true");
      }
    } catch {
      return; // out of reach: the server judges when the form is sent
    }
  };
  form.addEventListener("change", ({ target }) => {
    if (!target.id) return;
    touched.add(target.id);
    clearTimeout(wait);
    wait = setTimeout(tell, 250);
  });
  // what was typed is not left by accident
  let sent = false;
  form.addEventListener("submit", () => (sent = true));
  addEventListener("beforeunload", (event) => {
    if (touched.size && !sent) event.preventDefault();
  });
}
