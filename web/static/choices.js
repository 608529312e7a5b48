// Fills the list of a field with what this site finds for the words typed. Without it the field has the newest alone,
// and what names nothing is answered with what comes near it.
for (const field of document.querySelectorAll("input[data-choices]")) {
  let wait = 0;
  let asked = null;
  field.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(async () => {
      const words = (asked = field.value.trim());
      try {
        const answer = await fetch(`${field.dataset.choices}&q=${encodeURIComponent(words)}`);
        if (!answer.ok || words !== asked) return;
        const { choices } = await answer.json();
        field.list.replaceChildren(...choices.map(({ value, label }) => new Option(label, value)));
      } catch {
        return; // out of reach: the list stays as it is
      }
    }, 150);
  });
}
