// Completion: classes, properties, concepts, instruments and provisions by their labels in both languages.
import { pickedCompletion } from "@codemirror/autocomplete";
import { declaration, declared, isQuoted } from "./prefix.js";

const WORD = /[?$]?[\p{L}\p{M}\p{N}_][\p{L}\p{M}\p{N}_:.-]*/u;
const MOST = 60;
const KEYWORDS = (
  "SELECT DISTINCT REDUCED ASK CONSTRUCT DESCRIBE WHERE PREFIX BASE OPTIONAL FILTER UNION MINUS GRAPH VALUES BIND AS " +
  "GROUP BY HAVING ORDER ASC DESC LIMIT OFFSET EXISTS NOT IN COUNT SUM MIN MAX AVG SAMPLE GROUP_CONCAT COALESCE IF " +
  "BOUND LANG DATATYPE STR CONTAINS STRSTARTS REGEX REPLACE YEAR MONTH DAY UNDEF"
).split(" ");
const SAME = { أ: "ا", إ: "ا", آ: "ا", ٱ: "ا", ى: "ي", ئ: "ي", ؤ: "و", ة: "ه" };

// Spellings that readers take for the same, as the search of the site does.
export function fold(text) {
  return text.normalize("NFKC").toLowerCase().replace(/[\p{M}ـ]/gu, "").replace(/[أإآٱىئؤة]/g, (letter) => SAME[letter]);
}

const words = (text) => fold(text).split(/[^\p{L}\p{N}]+/u).filter(Boolean);
const bare = (word) => (word.startsWith("ال") && word.length > 4 ? [word, word.slice(2)] : [word]);

export class Terms {
  constructor(address, language, texts) {
    Object.assign(this, { address, language, texts, prefixes: {}, terms: [], asked: null });
  }

  // Fetched once, when the editor is first entered; without it the editor works, only without completion.
  load() {
    this.asked ??= fetch(this.address)
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)))
      .then((told) => {
        this.prefixes = told.prefixes;
        this.terms = told.terms.map(([kind, written, en, ar]) => {
          const name = written.replace(/^.*[#/:]|>$/g, "");
          const camel = name.replace(/([a-z])([A-Z])/g, "$1 $2");
          const keys = [en, ar, camel].flatMap(words).flatMap(bare);
          return { kind, written, en, ar, keys, whole: [fold(en), fold(ar), fold(name)] };
        });
      })
      .catch(() => (this.asked = null));
    return this.asked;
  }

  async complete(context) {
    const word = context.matchBefore(WORD);
    if ((!word && !context.explicit) || isQuoted(context.state, context.pos)) return null;
    const text = word?.text ?? "", from = word?.from ?? context.pos;
    if (/^[?$]/.test(text)) return { from, options: this.variables(context.state, text) };
    if (text.length < 2 && !context.explicit) return null;
    await this.load();
    const options = this.matching(text);
    return context.aborted || !options.length ? null : { from, options, filter: false };
  }

  variables(state, typed) {
    const found = new Set(state.doc.toString().match(/[?$][\p{L}\p{N}_]+/gu));
    found.delete(typed);
    return [...found].sort().map((label) => ({ label, type: "variable" }));
  }

  matching(text) {
    const [, prefix, rest] = /^([A-Za-z][\w-]*):(.*)$/.exec(text) ?? [, null, text];
    const typed = words(rest);
    const found = [];
    for (const term of this.terms) {
      if (prefix !== null && !term.written.startsWith(`${prefix}:`)) continue;
      const score = rank(term, typed, fold(rest));
      if (score) found.push([score, term]);
    }
    found.sort((a, b) => b[0] - a[0] || this.label(a[1]).localeCompare(this.label(b[1]), this.language));
    const keywords = prefix === null && rest ? KEYWORDS.filter((k) => k.startsWith(rest.toUpperCase())) : [];
    return [...keywords.map((label) => ({ label, type: "keyword" })), ...found.map(([, term]) => this.option(term))]
      .slice(0, MOST);
  }

  label(term) {
    return (this.language === "ar" ? term.ar || term.en : term.en || term.ar) || term.written;
  }

  option(term) {
    const other = this.language === "ar" ? term.en : term.ar;
    return {
      label: this.label(term),
      detail: term.written,
      info: [this.texts.kinds[term.kind], other].filter(Boolean).join(" · "),
      type: term.kind,
      apply: (view, option, from, to) => this.insert(view, option, term.written, from, to),
    };
  }

  insert(view, option, written, from, to) {
    const { doc } = view.state;
    const name = written.startsWith("<") ? "" : written.split(":")[0];
    const changes = [{ from, to, insert: written }];
    if (this.prefixes[name] && !declared(doc.toString()).has(name)) {
      changes.push(declaration(doc, name, this.prefixes[name]));
    }
    const before = changes.length > 1 && changes[1].from <= from ? changes[1].insert.length : 0;
    view.dispatch({
      changes, selection: { anchor: from + before + written.length }, scrollIntoView: true,
      userEvent: "input.complete", annotations: pickedCompletion.of(option),
    });
  }
}

// 0 where neither the whole begins with what was typed, nor a word of the term with each word of it.
function rank(term, typed, whole) {
  if (term.whole.includes(whole)) return 4;
  const begins = term.whole.some((one) => one.startsWith(whole));
  if (!begins && !typed.every((one) => term.keys.some((key) => key.startsWith(one)))) return 0;
  return (begins ? 2 : 1) + (/^(class|property)$/.test(term.kind) ? 0.5 : 0);
}
