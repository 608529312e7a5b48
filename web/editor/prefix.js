// Prefixes: which a query declares, where another one goes, and which it uses without declaring.
import { syntaxTree } from "@codemirror/language";

const DECLARED = /(?:^|[>\s])PREFIX\s+([A-Za-z][\w.-]*)?:\s*<([^<>]*)>/gi;
const PROLOGUE = /^\s*(?:PREFIX|BASE)\b/i;
const USED = /(?<![\w?$.:@<-])([A-Za-z][\w-]*):(?!\/)/g;
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

// The declarations that a query lacks, of prefixes that are known and used in it.
export function missing(state, prefixes) {
  const text = state.doc.toString(), there = declared(text), found = new Map();
  for (const { 1: name, index } of text.matchAll(USED)) {
    if (there.has(name) || found.has(name) || !Object.hasOwn(prefixes, name)) continue;
    if (PROLOGUE.test(state.doc.lineAt(index).text) || isQuoted(state, index + name.length)) continue;
    found.set(name, declaration(state.doc, name, prefixes[name]));
  }
  return [...found.values()];
}
