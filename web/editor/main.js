// The SPARQL editor: put over the plain form where scripts run. The form stays what it is; this reads and fills it.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, indentOnInput, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { sparql } from "@codemirror/legacy-modes/mode/sparql";
import { lintGutter } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { Page } from "./page.js";
import { missing } from "./prefix.js";
import { keepHistory } from "./kept.js";
import { Terms } from "./terms.js";

function mount(form) {
  const field = form.querySelector("textarea");
  const label = form.querySelector("label[for=query]");
  const keys = form.querySelector("#keys");
  const texts = JSON.parse(keys.dataset.texts);
  const terms = new Terms(keys.dataset.terms, document.documentElement.lang, texts);
  const run = () => (form.requestSubmit(), true);
  const view = new EditorView({
    doc: field.value,
    extensions: [
      lineNumbers(), lintGutter(), highlightSpecialChars(), history(), drawSelection(), indentOnInput(),
      bracketMatching(), closeBrackets(), EditorView.lineWrapping, StreamLanguage.define(sparql),
      syntaxHighlighting(classHighlighter),
      autocompletion({ override: [(context) => terms.complete(context)], maxRenderedOptions: 60, icons: false }),
      // Tab is bound to nothing: it leaves the editor, as it leaves any field
      keymap.of([
        { key: "Mod-Enter", run }, ...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap, ...historyKeymap,
      ]),
      EditorState.phrases.of(texts.phrases),
      EditorView.editorAttributes.of({ class: "sparql-editor", dir: "ltr" }),
      EditorView.contentAttributes.of({
        "aria-label": label.textContent, "aria-describedby": keys.id, lang: "en", dir: "ltr", spellcheck: "false",
      }),
      EditorView.domEventHandlers({ focus: () => void terms.load() }),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        field.value = update.state.doc.toString();
        if (update.transactions.some((one) => one.isUserEvent("input.type") || one.isUserEvent("input.paste"))) {
          void terms.load().then(() => fill(update.view, terms.prefixes));
        }
      }),
    ],
  });
  field.hidden = true;
  field.after(view.dom);
  label.addEventListener("click", () => view.focus());
  for (const added of document.querySelectorAll("[data-scripted]")) added.hidden = false;
  const kept = keepHistory(document.getElementById("kept"), (text) => page.show(text));
  const page = new Page(view, form, texts, (text) => kept.add(text));
}

// Declare what was typed; afterwards, as a view may not be changed while it tells of a change.
function fill(view, prefixes) {
  const changes = missing(view.state, prefixes);
  if (changes.length) view.dispatch({ changes });
}

const form = document.querySelector("form.sparql");
if (form) mount(form);
