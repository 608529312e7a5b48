// CodeMirror's styles as a style sheet made by script. The library itself writes a <style> element, which the site's
// content security policy refuses, and should: this way it needs no exception.
import { StyleModule as Base } from "../node_modules/style-mod/src/style-mod.js";

const mounted = [];
const sheet = new CSSStyleSheet();

export class StyleModule extends Base {
  static mount(root, modules) {
    const wanted = [modules].flat();
    if (wanted.every((module) => mounted.includes(module))) return;
    mounted.splice(0, mounted.length, ...new Set([...wanted, ...mounted]));
    sheet.replaceSync(mounted.map((module) => module.getRules()).join("\n"));
    if (!document.adoptedStyleSheets.includes(sheet)) {
      document.adoptedStyleSheets = [sheet, ...document.adoptedStyleSheets];
    }
  }
}
