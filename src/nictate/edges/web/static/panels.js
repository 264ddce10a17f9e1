// What is said in words: the events, the channels, the recordings. Texts from outside go in as textContent only.

import {ask} from "./feed.js";
import {NONE, adviceOf, channelsLine, dayOf, kindOf, ms, number, timeOf} from "./words.js";

export const byId = (id) => document.getElementById(id);

/** Sets a text where it differs, so that nothing is laid out anew for nothing. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function made(tag, text = "", name = "") {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (name) element.className = name;
  return element;
}

const ROWS = 9;

/** The last events; a blink takes the row in which it was told to begin. */
export class Table {
  constructor(body, none) {
    this.body = body;
    this.none = none;
  }

  clear() {
    this.body.replaceChildren();
    this.none.hidden = false;
  }

  add(entry) {
    this.none.hidden = true;
    const begun = entry.completes === null ? null
      : [...this.body.rows].find((row) => row.dataset.run === entry.run && row.dataset.begins === String(entry.completes));
    const row = begun ?? (this.body.rows.length >= ROWS ? this.body.rows[ROWS - 1] : this.#made());
    if (!begun) this.body.prepend(row);
    const begins = entry.kind === "blink/start";
    const at = begins ? entry.onset : entry.kind === "blink/long" ? entry.end : entry.peak; // Eyes are known to stay shut when they open.
    row.dataset.id = String(entry.id);
    row.dataset.run = entry.run;
    row.dataset.utc = entry.utc;
    row.dataset.kind = entry.kind;
    row.dataset.begins = begins ? String(entry.decided) : "";
    const cells = [
      timeOf(new Date(entry.utc)), kindOf(entry.kind), ms(entry.duration),
      entry.amplitude === null ? NONE : number(Math.abs(entry.amplitude)), number(100 * entry.confidence), ms(entry.decided - at),
    ];
    cells.forEach((text, k) => say(row.cells[k], text));
  }

  #made() {
    const row = document.createElement("tr");
    for (let k = 0; k < 6; k++) row.append(made("td", "", k > 1 ? "n" : ""));
    return row;
  }
}

const LISTED = 12;
const CHIPS = 64;

/** Each channel's quality in plain words: all in a sentence, and those that are not good one by one. */
export class Quality {
  #said = "";

  constructor(line, chips, list, lanes) {
    this.line = line;
    this.chips = chips;
    this.list = list;
    this.lanes = lanes;
    this.names = [];
  }

  /** The channels that are drawn, from above. */
  drawn(names) {
    this.names = names;
    this.lanes.replaceChildren(...names.map((name) => {
      const lane = made("li");
      const label = made("span", name, "label");
      label.title = name;
      lane.append(label, made("span", "", "word"));
      return lane;
    }));
    this.#said = "";
  }

  show(channels) {
    const said = JSON.stringify([channels, this.names]);
    if (said === this.#said) return;
    this.#said = said;
    say(this.line, channels.length ? channelsLine(channels) : NONE);
    const bad = channels.filter((channel) => channel.state !== "good");
    this.line.dataset.state = !channels.length ? "none" : bad.length ? "bad" : "good";
    this.chips.replaceChildren(...channels.slice(0, CHIPS).map((channel) => {
      const good = channel.state === "good", chip = made("li", good ? channel.name : `${channel.name} ${channel.state}`);
      chip.dataset.state = channel.state;
      chip.title = `${channel.name}: ${channel.state}${channel.looked_at ? ", blinks are sought here" : ""}`;
      return chip;
    }));
    if (channels.length > CHIPS) {
      this.chips.append(made("li", `and ${channels.length - CHIPS} more`));
      this.chips.lastChild.dataset.state = "good";
    }
    this.list.replaceChildren(...bad.slice(0, LISTED).map((channel) => {
      const item = made("li");
      item.append(made("strong", `${channel.name}: ${channel.state}`), made("span", adviceOf(channel.state)));
      return item;
    }));
    if (bad.length > LISTED) this.list.append(made("li", `and ${bad.length - LISTED} more`));
    const states = new Map(channels.map((channel) => [channel.name, channel.state]));
    this.names.forEach((name, k) => {
      const lane = this.lanes.children[k], state = states.get(name) ?? "good";
      lane.dataset.state = state;
      say(lane.children[1], state === "good" ? "" : state);
    });
  }
}

const SHOWN_RECORDINGS = 6;

/** Starts and stops recordings of events, and lists them to be fetched. */
export class Recordings {
  #running = null;

  constructor() {
    this.form = byId("record");
    this.name = byId("name");
    this.button = byId("start");
    this.said = byId("record-said");
    this.list = byId("recorded");
    this.shown = "";
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#press();
    });
  }

  async look() {
    try {
      this.#show((await ask("/recordings")).recordings ?? []);
    } catch { /* The status says that the service is not there. */ }
  }

  async #press() {
    this.button.disabled = true;
    const running = this.#running;
    try {
      if (running) {
        await ask(`/recordings/${running.id}/stop`, {method: "POST"});
        say(this.said, `Recorded ${running.name}`);
      } else {
        const name = this.name.value.trim() || `Recording of ${dayOf(new Date())}`;
        await ask("/recordings", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({name})});
        say(this.said, "");
        this.name.value = "";
      }
    } catch (error) {
      say(this.said, `That did not work: ${error.message}`);
    }
    this.button.disabled = false;
    await this.look();
  }

  #show(recordings) {
    const newest = [...recordings].sort((a, b) => b.id - a.id);
    this.#running = newest.find((recording) => recording.ended === null) ?? null;
    say(this.button, this.#running ? "Stop" : "Record");
    this.button.dataset.running = this.#running ? "yes" : "no";
    this.name.hidden = this.#running !== null;
    const said = JSON.stringify(newest.slice(0, SHOWN_RECORDINGS));
    if (said === this.shown) return;
    this.shown = said;
    byId("record-hint").hidden = newest.length > 0;
    this.list.replaceChildren(...newest.slice(0, SHOWN_RECORDINGS).map((recording) => this.#item(recording)));
  }

  #item(recording) {
    const item = made("li"), running = recording.ended === null;
    const about = made("div");
    about.append(made("strong", recording.name), made("span", `${running ? "since " : ""}${dayOf(new Date(recording.began))}`));
    item.append(about);
    item.dataset.running = running ? "yes" : "no";
    if (running) return item;
    const links = made("div", "", "links");
    for (const [format, text] of [["csv", "CSV"], ["json", "JSON"], ["bids", "BIDS"]]) {
      const link = made("a", text);
      link.href = `/api/v1/recordings/${encodeURIComponent(recording.id)}/events?format=${format}`;
      link.setAttribute("download", "");
      link.setAttribute("aria-label", `${recording.name} as ${text}`);
      links.append(link);
    }
    item.append(links);
    return item;
  }
}
