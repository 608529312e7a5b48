// The reader's own queries, kept in this browser and only if asked for; nothing is written before that.
const KEY = "mizan-sparql-queries";
const MOST = 50;

function read() {
  try {
    const held = JSON.parse(localStorage.getItem(KEY));
    return Array.isArray(held) ? held.filter((one) => typeof one?.text === "string") : null;
  } catch {
    return null; // storage is closed to sites here, or holds something else
  }
}

function write(held) {
  try {
    if (held) localStorage.setItem(KEY, JSON.stringify(held));
    else localStorage.removeItem(KEY);
  } catch {
    /* closed, or full: what could not be kept is not listed either */
  }
}

const firstLine = (text) => text.split("\n").find((line) => line.trim() && !/^\s*(#|PREFIX\b|BASE\b)/i.test(line)) ?? text;

export function keepHistory(place, open) {
  if (!place) return { add() {} };
  const [wanted, list, empty] = ["input", "ol", "button"].map((name) => place.querySelector(name));
  const shown = () => {
    const held = read();
    wanted.checked = held !== null;
    empty.hidden = !held?.length;
    list.replaceChildren(...(held ?? []).map((one) => {
      const item = document.createElement("li"), button = document.createElement("button");
      const day = document.createElement("time");
      button.type = "button";
      button.className = "plain";
      button.dir = "ltr";
      button.textContent = firstLine(one.text).trim().slice(0, 120);
      button.title = one.text.slice(0, 2000);
      button.addEventListener("click", () => open(one.text));
      day.textContent = new Date(one.time).toLocaleString(document.documentElement.lang);
      item.append(button, " ", day);
      return item;
    }));
  };
  wanted.addEventListener("change", () => (write(wanted.checked ? [] : null), shown()));
  empty.addEventListener("click", () => (write([]), shown()));
  shown();
  return {
    add(text) {
      const held = read();
      if (held === null || !text.trim()) return;
      write([{ text, time: Date.now() }, ...held.filter((one) => one.text !== text)].slice(0, MOST));
      shown();
    },
  };
}
