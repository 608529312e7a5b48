// Prefixes: which a query declares, where another one goes, and filling one in when its name is typed.
import { syntaxTree } from "@codemirror/language";

const DECLARED = /(?:^|[>\s])PREFIX\s+([A-Za-z][\w.-]*)?:\s*<([^<>]*)>/gi;
const PROLOGUE = /^\s*(?:PREFIX|BASE)\b/i;
const SILENT = /^\s*(?:#.*)?$/;

export function declared(text) {
  const code = text.replace(/^\s*#.*$/gm, "");
  return new Map([...code.matchAll(DECLARED)].map((found) => [found[1] ?? "", found[2]]));
}

// The change that declares a prefix: behind the last declaration, else before the first line that says something.
export function declaration(doc, name, iri) {
  let place = null;
  for (let number = 1; number <= doc.lines; number++) {
    const line = doc.line(number);
    if (PROLOGUE.test(line.text)) place = { from: Math.min(line.to + 1, doc.length), open: line.to === doc.length };
    else if (!SILENT.test(line.text)) {
      place ??= { from: line.from, open: false };
      break;
    }
  }
  place ??= { from: doc.length, open: doc.length > 0 && doc.line(doc.lines).length > 0 };
  return { from: place.from, insert: `${place.open ? "\n" : ""}PREFIX ${name}: <${iri}>\n` };
}

// Whether a place is in a comment, a text or an IRI.
export function isQuoted(state, place) {
  const node = syntaxTree(state).resolveInner(place, -1);
  return /^(comment|string)/.test(node.name) || (node.name === "atom" && state.sliceDoc(node.from, node.from + 1) === "<");
}

export function fillPrefix(update, prefixes) {
  if (!update.transactions.some((one) => one.isUserEvent("input.type"))) return;
  const { state } = update;
  const place = state.selection.main.head;
  const line = state.doc.lineAt(place);
  const name = /(?:^|[^\w?$.:@-])([A-Za-z][\w-]*):$/.exec(line.text.slice(0, place - line.from))?.[1];
  const iri = name && prefixes[name];
  if (!iri || PROLOGUE.test(line.text) || isQuoted(state, place) || declared(state.doc.toString()).has(name)) return;
  // afterwards: a view may not be changed while it tells of a change
  queueMicrotask(() => update.view.dispatch({ changes: declaration(update.view.state.doc, name, iri) }));
}
