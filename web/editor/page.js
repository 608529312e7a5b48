// Asking without leaving the page: the same form, the same address and the same answer, put where the old one stood.
import { isolateHistory } from "@codemirror/commands";
import { setDiagnostics } from "@codemirror/lint";

const LONGEST = 6000; // characters of an address; longer queries are posted

export class Page {
  constructor(view, form, texts, asked) {
    Object.assign(this, { view, form, texts, asked, running: null });
    this.state = document.getElementById("state");
    this.stop = document.getElementById("stop");
    this.outcome = document.getElementById("outcome");
    form.addEventListener("submit", (event) => this.submitted(event));
    this.stop?.addEventListener("click", () => this.running?.abort());
    window.addEventListener("popstate", () => this.load(location.href, { push: false }));
    for (const link of document.querySelectorAll("a[data-example]")) {
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        this.load(link.href, { push: true }).then(() => this.view.focus());
      });
    }
    this.mark(document);
  }

  show(text) {
    if (text === this.view.state.doc.toString()) return;
    this.view.dispatch({
      changes: { from: 0, to: this.view.state.doc.length, insert: text },
      annotations: isolateHistory.of("full"), // undone by itself, it gives back what was written before
    });
    this.view.focus();
  }

  submitted(event) {
    const values = new FormData(this.form);
    if (values.get("format") !== "html" || !this.outcome) return; // a download, or a page without a place for answers
    event.preventDefault();
    this.asked(values.get("query"));
    const query = new URLSearchParams(values);
    const address = `${this.form.action}?${query}`;
    if (address.length <= LONGEST) this.load(address, { push: true, keep: true });
    else this.load(`${this.form.action}?lang=${values.get("lang")}`, { push: false, keep: true, body: query });
  }

  async load(address, { push, keep, body }) {
    this.running?.abort();
    const running = (this.running = new AbortController());
    this.say(this.texts.running, true);
    try {
      const answer = await fetch(address, {
        method: body ? "POST" : "GET", body, signal: running.signal, headers: { Accept: "text/html" },
      });
      const told = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (push && answer.ok) history.pushState(null, "", address);
      this.put(told, keep);
    } catch (error) {
      if (this.running === running) this.say(error.name === "AbortError" ? this.texts.stopped : this.texts.unreached);
    } finally {
      if (this.running === running) this.done();
    }
  }

  put(told, keep) {
    const place = told.getElementById("outcome") ?? told.getElementById("problem");
    if (!place) return this.say(this.texts.unreached);
    if (!keep) this.show(told.getElementById("query")?.value ?? "");
    this.outcome.replaceChildren(...document.adoptNode(place).childNodes);
    for (const heading of this.outcome.querySelectorAll("h1")) {
      const below = document.createElement("h2");
      below.textContent = heading.textContent;
      heading.replaceWith(below);
    }
    for (const name of ["a.switch", "link[hreflang]"]) {
      document.querySelector(name).href = told.querySelector(name).getAttribute("href");
    }
    const marked = this.mark(this.outcome);
    this.say(this.outcome.querySelector(".problem strong, .told")?.textContent ?? "");
    if (!marked && keep) this.outcome.querySelector("h2")?.scrollIntoView({ block: "nearest" });
  }

  // Mark the place that a problem names; whether it names one.
  mark(inside) {
    const problem = inside.querySelector(".problem[data-line]");
    const { state } = this.view;
    if (!problem) {
      this.view.dispatch(setDiagnostics(state, []));
      return false;
    }
    const line = state.doc.line(Math.min(Math.max(problem.dataset.line, 1), state.doc.lines));
    // columns count characters, positions count halves of those beyond the first plane
    const before = [...line.text].slice(0, Math.max(problem.dataset.column - 1, 0)).join("");
    const from = Math.min(line.from + before.length, line.to);
    const length = /^[\p{L}\p{N}_:.-]*/u.exec(state.sliceDoc(from, line.to))[0].length;
    const message = [...problem.querySelectorAll("p")].map((p) => p.textContent).join("\n");
    this.view.dispatch(setDiagnostics(state, [
      { from, to: Math.min(from + Math.max(length, 1), line.to), severity: "error", message },
    ]));
    this.view.dispatch({ selection: { anchor: from }, scrollIntoView: true });
    this.view.focus();
    return true;
  }

  say(text, running = false) {
    if (this.state) this.state.textContent = text;
    if (this.stop) this.stop.hidden = !running;
    this.outcome?.setAttribute("aria-busy", running);
  }

  done() {
    this.running = null;
    if (this.stop) this.stop.hidden = true;
    this.outcome?.setAttribute("aria-busy", false);
  }
}
